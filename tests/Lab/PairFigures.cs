using System.Diagnostics;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;

namespace Kumoi.Tests.Lab;

/// <summary>What a pair costs: pauses, bytes, and how long nobody serves.</summary>
internal sealed class PairFigures
{
    private readonly Lock _lock = new();
    private readonly List<CheckpointMeasure> _made = [];
    private readonly List<double> _detected = [];
    private readonly List<double> _fenced = [];
    private readonly List<double> _running = [];
    private long _lost;
    private long _found;

    public PairFigures(PairController controller)
    {
        controller.Changed += (happened, record) =>
        {
            lock (_lock)
            {
                Note(happened, record);
            }
        };
    }

    /// <summary>The primary is being lost now.</summary>
    public void Lose() => _lost = Stopwatch.GetTimestamp();

    public override string ToString()
    {
        lock (_lock)
        {
            return $"{_made.Count} checkpoints, pause {Of(_made.Select(static made => made.Pause.TotalMilliseconds), "ms")}, "
                + $"{Of(_made.Select(static made => made.Bytes / 1e6), "MB")}; loss to detection {Of(_detected, "ms")}, "
                + $"detection to fence {Of(_fenced, "ms")}, detection to running {Of(_running, "ms")}";
        }
    }

    private static string Of(IEnumerable<double> values, string unit)
    {
        List<double> sorted = [.. values.Order()];
        return sorted.Count == 0
            ? "-"
            : FormattableString.Invariant($"p50 {sorted[sorted.Count / 2]:0.0}, p99 {sorted[sorted.Count * 99 / 100]:0.0} {unit}");
    }

    private void Note(PairEvent happened, PairRecord record)
    {
        if (happened is PairEvent.CheckpointMade made)
        {
            _made.Add(made.Measure);
        }
        else if (_lost != 0 && happened is PairEvent.PrimaryLost or PairEvent.PrimaryDied && record.Phase is PairPhase.FailingOver)
        {
            _found = Stopwatch.GetTimestamp();
            _detected.Add(Stopwatch.GetElapsedTime(_lost, _found).TotalMilliseconds);
        }
        else if (_found != 0 && happened is PairEvent.Fenced)
        {
            _fenced.Add(Stopwatch.GetElapsedTime(_found).TotalMilliseconds);
        }
        else if (_found != 0 && happened is PairEvent.TookOver)
        {
            _running.Add(Stopwatch.GetElapsedTime(_found).TotalMilliseconds);
            (_lost, _found) = (0, 0);
        }
    }
}
