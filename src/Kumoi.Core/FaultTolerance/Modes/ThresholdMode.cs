namespace Kumoi.FaultTolerance.Modes;

/// <summary>
/// Judges COLO by the mean length of a few of its checkpoints. Good: stays, and will leave it for a shorter time. Bad: leaves it, for a
/// longer time than before.
/// </summary>
internal sealed class ThresholdMode(ThresholdModeOptions options)
    : ModeController(PairMode.Colo, options.ColoPeriod, "begins in COLO, to see how far apart its checkpoints are")
{
    private TimeSpan _stay = options.FirstStay;
    private TimeSpan _stayed;
    private TimeSpan _sum;
    private int _count;
    private int _mismatches;

    private protected override (PairMode Mode, TimeSpan Period, string Reason) Decide(ModeStretch stretch) =>
        stretch.Mode is PairMode.Colo ? Judge(stretch) : Stay(stretch);

    private (PairMode Mode, TimeSpan Period, string Reason) Stay(ModeStretch stretch)
    {
        _stayed += stretch.Elapsed;
        return _stayed < _stay
            ? (PairMode.Checkpoint, options.CheckpointPeriod, Words($"tries COLO again in {(_stay - _stayed).TotalSeconds:0.0} s"))
            : (PairMode.Colo, options.ColoPeriod, Words($"tries COLO again after {_stay.TotalSeconds:0.0} s"));
    }

    private (PairMode Mode, TimeSpan Period, string Reason) Judge(ModeStretch stretch)
    {
        _sum += stretch.Length;
        _count++;
        _mismatches += stretch.Cause is CheckpointCause.Mismatch ? 1 : 0;
        if (_count < options.MinCheckpoints && ShortLengths.Likelihood(_count, _sum / options.GoodLength) >= options.Doubt)
        {
            return (PairMode.Colo, options.ColoPeriod, $"judges COLO by {options.MinCheckpoints} checkpoints, and has seen {_count}");
        }

        var mean = _sum / _count;
        var seen = Words($"checkpoints of COLO are {mean.TotalMilliseconds:0} ms apart, {_mismatches} of {_count} by a difference");
        (_sum, _count, _mismatches, _stayed) = (TimeSpan.Zero, 0, 0, TimeSpan.Zero);
        if (mean >= options.GoodLength)
        {
            _stay = Limit(_stay * options.Beta);
            return (PairMode.Colo, options.ColoPeriod, seen);
        }

        _stay = Limit(_stay * options.Alpha);
        return (PairMode.Checkpoint, options.CheckpointPeriod, Words($"{seen}: tries it again in {_stay.TotalSeconds:0.0} s"));
    }

    private TimeSpan Limit(TimeSpan stay) =>
        stay < options.ShortestStay ? options.ShortestStay : stay > options.LongestStay ? options.LongestStay : stay;
}
