using System.Globalization;
using System.Text.Json.Serialization;

namespace Kumoi.FaultTolerance.Modes;

/// <summary>
/// Which rule chooses a pair's mode, and its numbers. The closed set is that of the records of this room. Ranges are looked at by
/// <see cref="Create"/>.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "rule")]
[JsonDerivedType(typeof(FixedModeOptions), "Fixed")]
[JsonDerivedType(typeof(MovingAverageModeOptions), "MovingAverage")]
[JsonDerivedType(typeof(ThresholdModeOptions), "Threshold")]
[JsonDerivedType(typeof(ProportionalIntegralModeOptions), "ProportionalIntegral")]
[JsonDerivedType(typeof(LearnedModeOptions), "Learned")]
public abstract record ModeOptions
{
    private protected ModeOptions()
    {
    }

    /// <summary>
    /// In checkpoint mode: from the commit of one checkpoint to the beginning of the next. 10 ms to 10 s, as
    /// <see cref="AdaptivePeriod"/> has it. ORBIT's is 250 ms.
    /// </summary>
    public TimeSpan CheckpointPeriod { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>In COLO: the longest time without a checkpoint. 1 s to 10 min. QEMU's own (x-checkpoint-delay) is 20 s.</summary>
    public TimeSpan ColoPeriod { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>What it is called in tables.</summary>
    public abstract string Name { get; }

    public sealed override string ToString() => Name;

    /// <summary>A controller that begins now.</summary>
    /// <param name="random">Gives numbers from 0 to 1, 1 excluded. Only rules that try things out ask for them.</param>
    /// <exception cref="InvalidOperationException">Numbers are out of their range: it says which, and what they may be.</exception>
    public ModeController Create(Func<double> random)
    {
        List<string?> all =
        [
            Outside(nameof(CheckpointPeriod), CheckpointPeriod, AdaptivePeriod.Shortest, AdaptivePeriod.Longest),
            Outside(nameof(ColoPeriod), ColoPeriod, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(10)),
            .. Problems(),
        ];
        var problems = all.OfType<string>().ToList();
        return problems.Count == 0
            ? Start(random)
            : throw new InvalidOperationException($"'{Name}' cannot choose the mode of a pair: {string.Join("; ", problems)}.");
    }

    /// <summary>What is out of its range; null for what is not.</summary>
    private protected virtual IEnumerable<string?> Problems() => [];

    private protected abstract ModeController Start(Func<double> random);

    private protected static string Words(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    /// <summary>Null: it is within.</summary>
    private protected static string? Outside(string name, double value, double low, double high) =>
        value >= low && value <= high ? null : Words($"{name} is {value}, and must be from {low} to {high}");

    /// <summary>Null: it is within, and not the low end itself.</summary>
    private protected static string? NotAbove(string name, double value, double low, double high) =>
        value > low && value <= high ? null : Words($"{name} is {value}, and must be more than {low}, to {high}");

    /// <summary>Null: it is within.</summary>
    private protected static string? Outside(string name, TimeSpan value, TimeSpan low, TimeSpan high) => value >= low && value <= high
        ? null
        : Words($"{name} is {value.TotalSeconds} s, and must be from {low.TotalSeconds} s to {high.TotalSeconds} s");
}
