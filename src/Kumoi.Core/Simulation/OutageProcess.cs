namespace Kumoi.Simulation;

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

    /// <summary>When each unit is back; in the past if it is not out.</summary>
    private readonly double[] _endSec;
    private readonly int[] _number;

    /// <summary>Begins the first outages. The ratio, 0..1, is rounded to whole units; one unit is always up.</summary>
    public OutageProcess(EventQueue queue, RandomStream random, int units, double ratio, double minSec, double maxSec)
    {
        (_queue, _random, _minSec, _maxSec) = (queue, random, minSec, maxSec);
        _endSec = new double[units];
        Array.Fill(_endSec, -1);
        _number = new int[units];
        OutCount = Math.Clamp((int)Math.Round(ratio * units), 0, units - 1);
        for (var i = 0; i < OutCount; i++)
        {
            // Long outages are more likely to be under way at a given moment: their density grows with their length. A uniform part is left.
            var length = Math.Sqrt(random.Uniform(minSec * minSec, maxSec * maxSec));
            Begin(length * random.NextDouble());
        }
    }

    /// <summary>How many units are out at any time.</summary>
    public int OutCount { get; }

    public bool IsOut(int unit) => _endSec[unit] > _queue.NowSec;

    /// <summary>When the unit is back, if it is out.</summary>
    public double EndSec(int unit) => _endSec[unit];

    /// <summary>How many outages the unit has had: another number later means that it was out in between.</summary>
    public int Number(int unit) => _number[unit];

    public void Handle(int subject)
    {
        _endSec[subject] = -1;
        Begin(_random.Uniform(_minSec, _maxSec));
    }

    private void Begin(double durationSec)
    {
        int unit;
        do
        {
            unit = _random.NextInt(_endSec.Length);
        }
        while (_endSec[unit] >= 0);

        _endSec[unit] = _queue.NowSec + durationSec;
        _number[unit]++;
        _queue.Schedule(durationSec, this, unit);
    }
}
