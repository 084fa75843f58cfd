namespace Kumoi.PolicySimulation;

/// <summary>
/// Keeps a set share of some units (hosts, racks, links) out at any time, as in paper 002: when one comes back, another goes out. The
/// durations are uniform in a range. It starts in its steady state.
/// </summary>
internal sealed class OutageProcess : IEventHandler
{
    private readonly EventQueue _queue;
    private readonly RandomStream _random;
    private readonly double _minSec;
    private readonly double _maxSec;
    private readonly Unit[] _units;

    /// <summary>Begins the first outages. The ratio, 0..1, is rounded to whole units; one unit is always up.</summary>
    public OutageProcess(EventQueue queue, RandomStream random, int units, double ratio, double minSec, double maxSec)
    {
        (_queue, _random, _minSec, _maxSec) = (queue, random, minSec, maxSec);
        _units = new Unit[units];
        Array.Fill(_units, new() { EndSec = -1 });
        OutCount = Math.Clamp((int)Math.Round(ratio * units), 0, units - 1);
        for (var i = 0; i < OutCount; i++)
        {
            // Long outages are more likely to be under way at a given moment: their density grows with their length. A uniform part is
            // left.
            var length = Math.Sqrt(random.Uniform(minSec * minSec, maxSec * maxSec));
            Begin(length * random.NextDouble());
        }
    }

    /// <summary>How many units are out at any time.</summary>
    public int OutCount { get; }

    public bool IsOut(int unit) => _units[unit].EndSec > _queue.NowSec;

    /// <summary>When the unit is back, if it is out.</summary>
    public double EndSec(int unit) => _units[unit].EndSec;

    /// <summary>How many outages the unit has had: another number later means that it was out in between.</summary>
    public int Number(int unit) => _units[unit].Number;

    public void Handle(int subject)
    {
        _units[subject].EndSec = -1;
        Begin(_random.Uniform(_minSec, _maxSec));
    }

    private void Begin(double durationSec)
    {
        int unit;
        do
        {
            unit = _random.NextInt(_units.Length);
        }
        while (_units[unit].EndSec >= 0);

        _units[unit].EndSec = _queue.NowSec + durationSec;
        _units[unit].Number++;
        _queue.Schedule(durationSec, this, unit);
    }

    private struct Unit
    {
        /// <summary>When it is back; in the past if it is not out.</summary>
        public double EndSec;

        /// <summary>How many outages it has had.</summary>
        public int Number;
    }
}
