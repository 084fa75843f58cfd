namespace Kumoi.PolicySimulation.Modes;

/// <summary>
/// What one guest does in one run, second by second, whatever its pair does: all policies meet the same. Events of a moment in which the
/// guest stands still do not happen.
/// </summary>
internal sealed class GuestTrace
{
    private readonly List<(double At, bool IsMissing)> _events = [];
    private readonly List<(double From, GuestKind Kind, double Factor)> _segments = [];
    private readonly double[] _pauseFactors;

    /// <summary>All that it will do.</summary>
    /// <param name="workload">What it does.</param>
    /// <param name="durationSec">The simulated time.</param>
    /// <param name="model">For how pauses vary.</param>
    /// <param name="seed">Of the run.</param>
    public GuestTrace(ModeWorkload workload, double durationSec, PairModel model, long seed)
    {
        DurationSec = durationSec;
        var end = durationSec + 60; // a stretch may begin just before the end
        var phases = new RandomStream(seed, 0);
        var variation = new RandomStream(seed, 1);
        var events = new RandomStream(seed, 2);
        var pauses = new RandomStream(seed, 3);
        _pauseFactors = [.. Enumerable.Range(0, (int)end + 1).Select(_ => pauses.LogNormal(model.PauseVariation))];
        var kind = First(workload, phases);
        var phaseEnd = workload is ModeWorkload.Changing ? phases.Uniform(60, 300) : double.PositiveInfinity;
        for (var at = 0.0; at < end;)
        {
            if (at >= phaseEnd)
            {
                var others = GuestKind.All.Where(one => one != kind).ToList();
                kind = others[phases.NextInt(others.Count)];
                phaseEnd = at + phases.Uniform(60, 300);
            }

            var to = Math.Min(Math.Min(at + variation.Exponential(10), phaseEnd), end);
            var factor = variation.LogNormal(kind.Variation);
            _segments.Add((at, kind, factor));
            AddEvents(events, at, to, kind, factor);
            at = to;
        }
    }

    /// <summary>Of a guest whose checkpoints were recorded: all that it did then, and the like of what chance brought.</summary>
    /// <param name="recorded">The guest.</param>
    /// <param name="seed">Of the run.</param>
    public GuestTrace(RecordedGuest recorded, long seed)
    {
        DurationSec = recorded.DurationSec;
        var end = DurationSec + 60;
        var events = new RandomStream(seed, 2);
        var pauses = new RandomStream(seed, 3);
        _pauseFactors = [.. Enumerable.Range(0, (int)end + 1).Select(_ => pauses.LogNormal(recorded.Model.PauseVariation))];
        for (var i = 0; i < recorded.Windows.Count; i++)
        {
            var (from, kind) = recorded.Windows[i];
            _segments.Add((from, kind, 1));
            AddEvents(events, from, i + 1 < recorded.Windows.Count ? recorded.Windows[i + 1].From : end, kind, 1);
        }
    }

    public double DurationSec { get; }

    public GuestKind KindAt(double at) => _segments[SegmentAt(at)].Kind;

    public double PauseFactorAt(double at) => _pauseFactors[Math.Min((int)at, _pauseFactors.Length - 1)];

    /// <summary>How much memory becomes dirty between two moments in which it runs.</summary>
    public double DirtyBytes(double from, double to)
    {
        var i = SegmentAt(from);
        var written = 0.0;
        for (var at = from; at < to; i++)
        {
            var end = i + 1 < _segments.Count ? Math.Min(_segments[i + 1].From, to) : to;
            written += (end - at) * _segments[i].Kind.DirtyBytesPerSec * _segments[i].Factor;
            at = end;
        }

        // The same pages are written again and again.
        var whole = KindAt(to).WorkingSetBytes;
        return whole * (1 - Math.Exp(-written / whole));
    }

    /// <summary>When a pair in COLO that is in step has to make a checkpoint, and which outputs are missing until then.</summary>
    /// <param name="from">When both guests go on.</param>
    /// <param name="period">The longest time without a checkpoint.</param>
    /// <param name="timeoutSec">How long output waits for the other guest's.</param>
    /// <param name="missing">Is filled with the moments from which on the output of one connection waits.</param>
    public (double At, bool IsMismatch) NextColoCheckpoint(double from, double period, double timeoutSec, List<double> missing)
    {
        missing.Clear();
        var (at, isMismatch) = (from + period, false);
        for (var i = FirstAfter(from); i < _events.Count && _events[i].At < at; i++)
        {
            if (!_events[i].IsMissing)
            {
                return (_events[i].At, true);
            }

            missing.Add(_events[i].At);
            if (_events[i].At + timeoutSec < at)
            {
                (at, isMismatch) = (_events[i].At + timeoutSec, true);
            }
        }

        return (at, isMismatch);
    }

    private static GuestKind First(ModeWorkload workload, RandomStream random) => workload switch
    {
        ModeWorkload.Deterministic => GuestKind.Deterministic,
        ModeWorkload.NonDeterministic => GuestKind.NonDeterministic,
        ModeWorkload.Threaded => GuestKind.Threaded,
        _ => GuestKind.All[random.NextInt(GuestKind.All.Count)],
    };

    private void AddEvents(RandomStream random, double from, double to, GuestKind kind, double factor)
    {
        var rate = (kind.DifferencesPerSec + kind.MissingPerSec) * factor;
        if (rate == 0)
        {
            return; // they never differed
        }

        var missing = kind.MissingPerSec / (kind.DifferencesPerSec + kind.MissingPerSec);
        for (var at = from + random.Exponential(1 / rate); at < to; at += random.Exponential(1 / rate))
        {
            _events.Add((at, random.NextBool(missing)));
        }
    }

    private int SegmentAt(double at)
    {
        var (low, high) = (0, _segments.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            (low, high) = _segments[middle].From <= at ? (middle, high) : (low, middle - 1);
        }

        return low;
    }

    private int FirstAfter(double at)
    {
        var (low, high) = (0, _events.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _events[middle].At > at ? (low, middle) : (middle + 1, high);
        }

        return low;
    }
}
