using Kumoi.FaultTolerance.Modes;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>What the last checkpoints of a pair have cost. Safe for concurrent use.</summary>
/// <param name="time">The clock of ages and rates.</param>
internal sealed class PairMeter(TimeProvider time)
{
    private const int Remembered = 600;

    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Queue<(long At, CheckpointMeasure Measure, PairMode Mode)> _last = new(Remembered);
    private long? _committed;

    /// <summary>A checkpoint was committed.</summary>
    /// <param name="measure">Of the checkpoint.</param>
    /// <param name="mode">How the backup followed until then: in COLO output does not wait for it.</param>
    public void Add(CheckpointMeasure measure, PairMode mode = PairMode.Checkpoint)
    {
        lock (_gate)
        {
            if (_last.Count == Remembered)
            {
                _last.Dequeue();
            }

            _committed = time.GetTimestamp();
            _last.Enqueue((_committed.Value, measure, mode));
        }
    }

    /// <summary>No checkpoint counts any more.</summary>
    public void Forget()
    {
        lock (_gate)
        {
            _last.Clear();
            _committed = null;
        }
    }

    /// <summary>The pair with its figures.</summary>
    public KumoiFtPair Fill(KumoiFtPair pair)
    {
        lock (_gate)
        {
            while (_last.TryPeek(out var oldest) && time.GetElapsedTime(oldest.At) > Window)
            {
                _last.Dequeue();
            }

            pair = pair with { LagMs = _committed is { } at ? time.GetElapsedTime(at).TotalMilliseconds : double.NaN };
            if (_last.Count < 2)
            {
                return pair;
            }

            var measures = _last.Select(static one => one.Measure).ToList();
            var modes = _last.Select(static one => one.Mode).ToList();
            var commits = _last.Select(static one => one.At).ToList();
            var whole = time.GetElapsedTime(commits[0], commits[^1]);
            var pauses = Sorted(measures.Select(static measure => measure.Pause.TotalMilliseconds));

            // What came just after a cut, which may have been at the very beginning of its checkpoint, went out with the next commit.
            var held = Sorted(commits.Zip(commits.Skip(1), measures).Where((_, index) => modes[index + 1] is PairMode.Checkpoint).Select(
                pair => (time.GetElapsedTime(pair.First, pair.Second) + pair.Third.Duration).TotalMilliseconds));
            return pair with
            {
                CheckpointsPerSecond = (_last.Count - 1) / whole.TotalSeconds,
                PauseP50Ms = At(pauses, 0.50),
                PauseP99Ms = At(pauses, 0.99),
                DowntimeRatio = measures.Skip(1).Sum(static measure => measure.Pause.TotalSeconds) / whole.TotalSeconds,
                OutputLatencyP50Ms = At(held, 0.50),
                OutputLatencyP99Ms = At(held, 0.99),
                BytesPerCheckpoint = measures.Average(static measure => measure.Bytes),
            };
        }
    }

    private static List<double> Sorted(IEnumerable<double> values) => [.. values.Order()];

    private static double At(List<double> sorted, double share) =>
        sorted.Count == 0 ? double.NaN : sorted[(int)Math.Ceiling(share * sorted.Count) - 1];
}
