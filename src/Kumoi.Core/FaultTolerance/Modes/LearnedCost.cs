namespace Kumoi.FaultTolerance.Modes;

/// <summary>What one mode has cost in the last stay there: its last checkpoints.</summary>
internal sealed class LearnedCost
{
    /// <summary>More are forgotten.</summary>
    public const int Remembered = 100;

    // Sums since the stay began, of which the last ones are here.
    private readonly double[] _pausedSec = new double[Remembered + 1];
    private readonly double[] _ranSec = new double[Remembered + 1];
    private int _last;
    private bool _beginsAnew;

    /// <summary>How many of its checkpoints are remembered. 0: the mode was never seen.</summary>
    public int Count { get; private set; }

    /// <summary>The share of the time in which the guest stood still, 0 to 1.</summary>
    public double Ratio => Sum(Count) is var (pause, ran) && pause > 0 ? pause / (pause + ran) : 0;

    /// <summary>The mode is come back to. What is known of it holds until something is seen of this stay.</summary>
    public void BeginAnew() => _beginsAnew = true;

    /// <summary>Forgets all but the last ones: they are why the mode is left.</summary>
    public void Keep(int count) => Count = Math.Min(Count, count);

    public void Add(ModeStretch stretch)
    {
        if (_beginsAnew)
        {
            (Count, _pausedSec[_last], _ranSec[_last], _beginsAnew) = (0, 0, 0, false);
        }

        var (pause, next) = (stretch.Cost.Pause.TotalSeconds, (_last + 1) % _pausedSec.Length);
        _pausedSec[next] = _pausedSec[_last] + pause;
        _ranSec[next] = _ranSec[_last] + stretch.Elapsed.TotalSeconds - pause;
        _last = next;
        Count = Math.Min(Count + 1, Remembered);
    }

    /// <summary>
    /// How likely it is that the last ones were so dear by accident, if the mode costs no more than another: that checkpoints that come at
    /// random came so close together. 1: they were not dearer.
    /// </summary>
    public double LikelihoodOfAccident(int count, double otherRatio)
    {
        var (pause, ran) = Sum(count);
        if (!(pause * (1 - otherRatio) > otherRatio * ran))
        {
            return 1;
        }

        // The time that the guest ran, in lengths with which the pauses would be the other's share of the time.
        var mean = pause / count * (1 - otherRatio) / otherRatio;
        return ShortLengths.Likelihood(count, ran / mean);
    }

    /// <summary>How much longer the guest stood still than in a mode of another cost.</summary>
    public TimeSpan LostAgainst(double otherRatio)
    {
        var (pause, ran) = Sum(Count);
        return TimeSpan.FromSeconds(Math.Max(0, pause - (otherRatio * (pause + ran))));
    }

    private (double PausedSec, double RanSec) Sum(int count)
    {
        var before = (_last - count + _pausedSec.Length) % _pausedSec.Length;
        return (_pausedSec[_last] - _pausedSec[before], _ranSec[_last] - _ranSec[before]);
    }
}
