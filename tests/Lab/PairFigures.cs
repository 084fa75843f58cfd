using System.Diagnostics;
using System.Text.Json;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;

namespace Kumoi.Tests.Lab;

/// <summary>What a pair costs: pauses, bytes, how long output is held, and how long nobody serves.</summary>
internal sealed class PairFigures
{
    private readonly Lock _lock = new();
    private readonly List<CheckpointMeasure> _made = [];
    private readonly List<double> _undisturbed = [];
    private readonly List<double> _held = [];
    private readonly List<double> _detected = [];
    private readonly List<double> _fenced = [];
    private readonly List<double> _running = [];
    private readonly List<double> _outages = [];
    private long _committed;
    private long _lost;
    private long _found;

    /// <summary>After a guest goes on, its checkpoint is committed within this time.</summary>
    private static readonly TimeSpan Commit = TimeSpan.FromMilliseconds(30);

    private readonly MachineStalls? _stalls;

    /// <summary>Measures from now on.</summary>
    /// <param name="controller">Of the pair.</param>
    /// <param name="stalls">Tells which pauses this machine itself has lengthened.</param>
    public PairFigures(PairController controller, MachineStalls? stalls = null)
    {
        _stalls = stalls;
        controller.Changed += (happened, record) =>
        {
            lock (_lock)
            {
                Note(happened, record);
            }
        };
    }

    /// <summary>How much all checkpoints had, in bytes.</summary>
    public long Bytes
    {
        get
        {
            lock (_lock)
            {
                return _made.Sum(static made => made.Bytes);
            }
        }
    }

    /// <summary>The primary is being lost now.</summary>
    public void Lose() => _lost = Stopwatch.GetTimestamp();

    /// <summary>
    /// Adds them to the file that the benchmark names, if it does: a line of JSON. Times are in milliseconds, and NaN where nothing was
    /// measured.
    /// </summary>
    /// <param name="engine">What made the checkpoints.</param>
    /// <param name="guest">Of whom.</param>
    /// <param name="more">What only this measurement has.</param>
    public void Save(string engine, string guest, params (string Name, double Value)[] more)
    {
        if (Environment.GetEnvironmentVariable("KUMOI_FIGURES") is not { Length: > 0 } file)
        {
            return;
        }

        lock (_lock)
        {
            var pauses = Sorted(_made.Select(static made => made.Pause.TotalMilliseconds));
            var bytes = Sorted(_made.Select(static made => (double)made.Bytes));
            var figures = new Dictionary<string, object>
            {
                ["engine"] = engine,
                ["guest"] = guest,
                ["checkpoints"] = _made.Count,
                ["pauseP50"] = At(pauses, 0.5),
                ["pauseP99"] = At(pauses, 0.99),
                ["undisturbed"] = _undisturbed.Count,
                ["undisturbedP99"] = At(Sorted(_undisturbed), 0.99),
                ["bytesP50"] = At(bytes, 0.5),
                ["outputP50"] = At(Sorted(_held), 0.5),
                ["outputP99"] = At(Sorted(_held), 0.99),
                ["outages"] = _outages.Count,
                ["outageP50"] = At(Sorted(_outages), 0.5),
                ["detectedP50"] = At(Sorted(_detected), 0.5),
                ["runningP50"] = At(Sorted(_running), 0.5),
            };
            foreach (var (name, value) in more)
            {
                figures[name] = value;
            }

            File.AppendAllText(file, JsonSerializer.Serialize(figures, Options) + "\n");
        }
    }

    public override string ToString()
    {
        lock (_lock)
        {
            return $"{_made.Count} checkpoints, pause {Of(_made.Select(static made => made.Pause.TotalMilliseconds), "ms")}, "
                + $"of {_undisturbed.Count} while the machine did not stand still {Of(_undisturbed, "ms")}, "
                + $"{Of(_made.Select(static made => made.Bytes / 1e6), "MB")}, output held {Of(_held, "ms")}; "
                + $"loss to detection {Of(_detected, "ms")}, detection to fence {Of(_fenced, "ms")}, "
                + $"detection to running {Of(_running, "ms")}, loss to running {Of(_outages, "ms")}";
        }
    }

    private static JsonSerializerOptions Options { get; } = new()
    {
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    private static string Of(IEnumerable<double> values, string unit)
    {
        var sorted = Sorted(values);
        return sorted.Count == 0 ? "-" : FormattableString.Invariant($"p50 {At(sorted, 0.5):0.0}, p99 {At(sorted, 0.99):0.0} {unit}");
    }

    private static List<double> Sorted(IEnumerable<double> values) => [.. values.Order()];

    private static double At(List<double> sorted, double share) =>
        sorted.Count == 0 ? double.NaN : sorted[Math.Max(0, (int)Math.Ceiling(share * sorted.Count) - 1)];

    private void Note(PairEvent happened, PairRecord record)
    {
        if (happened is PairEvent.CheckpointMade made)
        {
            if (_committed != 0)
            {
                // What came just after the cut of the one before, at the earliest when that began, went out now.
                _held.Add((Stopwatch.GetElapsedTime(_committed) + _made[^1].Duration).TotalMilliseconds);
            }

            _committed = Stopwatch.GetTimestamp();
            _made.Add(made.Measure);
            var begun = _committed - (long)((made.Measure.Pause + Commit).TotalSeconds * Stopwatch.Frequency);
            if (_stalls?.IsAny(begun, _committed) is not true)
            {
                _undisturbed.Add(made.Measure.Pause.TotalMilliseconds);
            }

            return;
        }

        _committed = 0;
        if (_lost != 0 && happened is PairEvent.PrimaryLost or PairEvent.PrimaryDied && record.Phase is PairPhase.FailingOver)
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
            _outages.Add(Stopwatch.GetElapsedTime(_lost).TotalMilliseconds);
            (_lost, _found) = (0, 0);
        }
    }
}
