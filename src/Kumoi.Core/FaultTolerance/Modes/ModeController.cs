using System.Globalization;

namespace Kumoi.FaultTolerance.Modes;

/// <summary>
/// Decides after each checkpoint how a pair goes on. Pure: time is what it is told, so the same stretches give the same decisions. Made by
/// <see cref="ModeOptions.Create"/>; there are no others than those of this room. Not safe for concurrent use.
/// </summary>
public abstract class ModeController
{
    private protected ModeController(PairMode first, TimeSpan period, string reason) =>
        Current = new(TimeSpan.Zero, first, period, IsChange: false, reason);

    /// <summary>The last decision; at first, how the pair begins.</summary>
    public ModeDecision Current { get; private set; }

    /// <summary>A checkpoint was committed.</summary>
    /// <param name="stretch">
    /// What led to it, and what it has cost. A stretch in another mode than the decided one is from before a change that the pair has not
    /// made yet: it takes its time, and decides nothing.
    /// </param>
    /// <returns>How the pair goes on: <see cref="Current"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A length or a cost is negative.</exception>
    public ModeDecision Add(ModeStretch stretch)
    {
        var (_, length, _, cost) = stretch;
        if (length < TimeSpan.Zero || cost.Pause < TimeSpan.Zero || cost.Duration < TimeSpan.Zero)
        {
            throw new ArgumentOutOfRangeException(nameof(stretch), stretch, "No time of a checkpoint can be negative.");
        }

        Now += stretch.Elapsed;
        var (mode, period, reason) = stretch.Mode == Current.Mode
            ? Decide(stretch)
            : (Current.Mode, Current.Period, $"waits for the change to {Name(Current.Mode)}");
        return Current = new(Now, mode, period, mode != Current.Mode, reason);
    }

    /// <summary>Since it began.</summary>
    private protected TimeSpan Now { get; private set; }

    /// <summary>The stretch was in the mode that was decided.</summary>
    private protected abstract (PairMode Mode, TimeSpan Period, string Reason) Decide(ModeStretch stretch);

    private protected static string Name(PairMode mode) => mode is PairMode.Colo ? "COLO" : "checkpoint mode";

    /// <summary>Text with times and numbers that reads the same everywhere.</summary>
    private protected static string Words(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
