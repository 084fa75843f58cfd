using Kumoi.FaultTolerance.Modes;

namespace Kumoi.PolicySimulation.Modes;

/// <summary>
/// What the checkpoints of a pair tell of its guest and its hosts: how fast memory becomes dirty and how often the outputs differ, window
/// by
/// window, and what a checkpoint costs.
/// </summary>
internal sealed class RecordedGuest
{
    /// <summary>Rates are taken over so much time, or one stretch if that is longer.</summary>
    private const double WindowSec = 10;

    /// <summary>What was long ago tells less, and takes as long to simulate.</summary>
    private const double LongestSec = 4 * 3600;

    /// <summary>Where less was recorded, what is found is chance.</summary>
    private const int FewestStretches = 20;

    private RecordedGuest(IReadOnlyList<(double From, GuestKind Kind)> windows, double durationSec, PairModel model, bool hasColo)
    {
        Windows = windows;
        DurationSec = durationSec;
        Model = model;
        HasColo = hasColo;
    }

    /// <summary>From when on it did what.</summary>
    public IReadOnlyList<(double From, GuestKind Kind)> Windows { get; }

    public double DurationSec { get; }

    public PairModel Model { get; }

    /// <summary>It was in COLO for a while: else nobody knows how often the outputs of the two guests differ.</summary>
    public bool HasColo { get; }

    /// <summary>Reads it from what was recorded in the last four hours.</summary>
    /// <exception cref="InvalidOperationException">Too little was recorded.</exception>
    public static RecordedGuest Of(IReadOnlyList<ModeStretch> stretches)
    {
        if (stretches.Count < FewestStretches)
        {
            throw new InvalidOperationException(FormattableString.Invariant(
                $"Only {stretches.Count} checkpoints are recorded, and {FewestStretches} are needed to tell anything from them."));
        }

        stretches = Last(stretches);
        var device = stretches.Min(static stretch => stretch.Cost.Bytes);
        var whole = Math.Max(1, 1.05 * stretches.Max(stretch => stretch.Cost.Bytes - device));
        var windows = Split(stretches).ToList();
        var rates = windows
            .Select(window => (
                window.From, Dirty: DirtyRate(window.Stretches, device, whole), Differences: DifferenceRate(window.Stretches)))
            .ToList();
        var known = rates.Where(static rate => rate.Differences is not null).ToList();
        return new(
            [
                .. rates.Select(rate => (
                    rate.From,
                    KindOf(
                        rate.Dirty, whole,
                        rate.Differences
                            ?? known.OrderBy(other => Math.Abs(other.From - rate.From)).Select(static other => other.Differences!.Value)
                                .FirstOrDefault()))),
            ],
            stretches.Sum(static stretch => stretch.Elapsed.TotalSeconds),
            ModelOf(stretches, device),
            known.Count > 0);
    }

    private static IReadOnlyList<ModeStretch> Last(IReadOnlyList<ModeStretch> stretches)
    {
        var first = stretches.Count;
        for (var length = 0.0; first > 0 && (length < LongestSec || stretches.Count - first < FewestStretches); first--)
        {
            length += stretches[first - 1].Elapsed.TotalSeconds;
        }

        return [.. stretches.Skip(first)];
    }

    private static IEnumerable<(double From, List<ModeStretch> Stretches)> Split(IReadOnlyList<ModeStretch> stretches)
    {
        var (at, from) = (0.0, 0.0);
        List<ModeStretch> window = [];
        foreach (var stretch in stretches)
        {
            window.Add(stretch);
            at += stretch.Elapsed.TotalSeconds;
            if (at - from >= WindowSec)
            {
                yield return (from, window);
                (from, window) = (at, []);
            }
        }

        if (window.Count > 0)
        {
            yield return (from, window);
        }
    }

    /// <summary>The same pages are written again and again: the rate is that at which they would fill all that ever was dirty.</summary>
    private static double DirtyRate(List<ModeStretch> stretches, long device, double whole)
    {
        var written = stretches.Sum(stretch => -whole * Math.Log(1 - ((stretch.Cost.Bytes - device) / whole)));
        return written / Math.Max(1e-3, stretches.Sum(static stretch => stretch.Elapsed.TotalSeconds));
    }

    /// <summary>Null: it was not in COLO.</summary>
    private static double? DifferenceRate(List<ModeStretch> stretches)
    {
        var colo = stretches.Where(static stretch => stretch.Mode is PairMode.Colo).ToList();
        var seconds = colo.Sum(static stretch => stretch.Length.TotalSeconds);
        return seconds > 0 ? colo.Count(static stretch => stretch.Cause is CheckpointCause.Mismatch) / seconds : null;
    }

    /// <summary>How much it puts out is not recorded: latencies are those of output that comes evenly.</summary>
    private static GuestKind KindOf(double dirty, double whole, double differences) => new()
    {
        DifferencesPerSec = differences,
        MissingPerSec = 0,
        DirtyBytesPerSec = dirty,
        WorkingSetBytes = whole,
        OutputBytesPerSec = 1,
        InputBytesPerSec = 0,
        Connections = 1,
        Cores = 1,
        Variation = 0,
    };

    /// <summary>Pauses as a base and a rate by least squares: the more bytes, the longer; where that does not show, all are base.</summary>
    private static PairModel ModelOf(IReadOnlyList<ModeStretch> stretches, long device)
    {
        var bytes = stretches.Average(static stretch => (double)stretch.Cost.Bytes);
        var pause = stretches.Average(static stretch => stretch.Cost.Pause.TotalSeconds);
        var spread = stretches.Sum(stretch => Square(stretch.Cost.Bytes - bytes));
        var slope = spread > 0
            ? stretches.Sum(stretch => (stretch.Cost.Bytes - bytes) * (stretch.Cost.Pause.TotalSeconds - pause)) / spread
            : 0;
        slope = Math.Clamp(slope, 0, bytes > 0 ? pause / bytes : 0);
        var logs = stretches.Select(stretch => Math.Log(
            Math.Max(1e-6, stretch.Cost.Pause.TotalSeconds) / Math.Max(1e-6, pause + (slope * (stretch.Cost.Bytes - bytes))))).ToList();
        var middle = logs.Average();
        return new()
        {
            BasePauseSec = pause - (slope * bytes),
            BytesPerSec = slope > 0 ? 1 / slope : double.PositiveInfinity,
            PauseVariation = Math.Sqrt(logs.Average(log => Square(log - middle))),
            DeviceBytes = device,
            CopySec = stretches.Average(static stretch => (stretch.Cost.Duration - stretch.Cost.Pause).TotalSeconds) is var copy and > 0
                ? copy : 0,
        };
    }

    private static double Square(double value) => value * value;
}
