namespace Kumoi.FaultTolerance.Modes;

/// <summary>
/// Chooses the time from the commit of one checkpoint to the beginning of the next, so that what an admin asked for holds: the share of
/// time in which the guest stands still, and how long output is held. Pure.
/// </summary>
/// <remarks>
/// Output that comes just after a cut waits for the rest of that checkpoint, for the period, and for the whole next checkpoint; the guest
/// stands still once in a period and a checkpoint. So a downtime ratio is a shortest period, a latency a longest one. Where both cannot
/// hold, the latency does: it is what the users of the VM wait for. What checkpoints are going to cost is taken from the dearest of the
/// last few, so that one cheap one among dear ones does not break what was asked for.
/// </remarks>
public sealed class AdaptivePeriod
{
    /// <summary>Where nothing is asked for, the guest stands still this much of its time at most.</summary>
    public const double DefaultDowntimeRatio = 0.1;

    /// <summary>Below this a checkpoint's own costs are all that is measured.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(10);

    /// <summary>Output is held for seconds then: who wants more gives a period.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    private const int Remembered = 8;

    private readonly PairGoals _goals;
    private readonly Queue<CheckpointMeasure> _last = new(Remembered);

    public AdaptivePeriod(PairGoals goals)
    {
        _goals = goals;
        Period = goals.PeriodMs is { } fixedPeriod ? TimeSpan.FromMilliseconds(fixedPeriod) : TimeSpan.FromMilliseconds(100);
    }

    /// <summary>How long to wait before the next checkpoint begins.</summary>
    public TimeSpan Period { get; private set; }

    /// <summary>Which limit does not hold, in words for an admin; null: all do.</summary>
    public string? Missed { get; private set; }

    /// <summary>A checkpoint was committed.</summary>
    public void Add(CheckpointMeasure measure)
    {
        if (_last.Count == Remembered)
        {
            _last.Dequeue();
        }

        _last.Enqueue(measure);
        if (_goals.PeriodMs is null)
        {
            Period = Choose();
        }

        Missed = Judge();
    }

    private TimeSpan LongestDuration => _last.Max(static one => one.Duration);

    private TimeSpan Choose()
    {
        var ratio = _goals.MaxDowntimeRatio ?? (_goals.MaxOutputLatencyMs is null ? DefaultDowntimeRatio : null);

        // The guest runs for the period and for what the checkpoint takes beside its pause.
        var shortest = ratio is { } share
            ? _last.Max(one => (one.Pause / Math.Max(share, 1e-6)) - one.Duration) : TimeSpan.Zero;
        var longest = _goals.MaxOutputLatencyMs is { } latency ? TimeSpan.FromMilliseconds(latency) - (2 * LongestDuration) : Longest;

        // With a latency alone, the longest that keeps it costs the guest least.
        var wanted = ratio is null ? longest : shortest < longest ? shortest : longest;
        return wanted < Shortest ? Shortest : wanted > Longest ? Longest : wanted;
    }

    private string? Judge()
    {
        var latency = (Period + (2 * LongestDuration)).TotalMilliseconds;
        if (_goals.MaxOutputLatencyMs is { } maxLatency && latency > maxLatency * 1.001)
        {
            return FormattableString.Invariant($"output is held up to {latency:0} ms, not {maxLatency} ms");
        }

        var ratio = _last.Max(one => one.Pause / (Period + one.Duration));
        return _goals.MaxDowntimeRatio is { } maxRatio && ratio > maxRatio * 1.001
            ? FormattableString.Invariant($"the guest stands still up to {ratio:P1} of its time, not {maxRatio:P1}")
            : null;
    }
}
