namespace Kumoi.FaultTolerance.Modes;

/// <summary>Leaves COLO when the weighted mean of its lengths is too short, for a number of checkpoints.</summary>
internal sealed class MovingAverageMode(MovingAverageModeOptions options)
    : ModeController(PairMode.Colo, options.ColoPeriod, "begins in COLO, to see how far apart its checkpoints are")
{
    /// <summary>ORBIT's weights: one short length among long ones is no reason to leave.</summary>
    private const double Old = 0.7;
    private const double New = 0.3;

    private double _meanMs;
    private int _count;
    private int _left; // checkpoints until COLO is tried again

    private protected override (PairMode Mode, TimeSpan Period, string Reason) Decide(ModeStretch stretch)
    {
        if (stretch.Mode is PairMode.Checkpoint)
        {
            if (--_left > 0)
            {
                return (PairMode.Checkpoint, options.CheckpointPeriod, $"tries COLO again after {_left} more checkpoints");
            }

            (_meanMs, _count) = (0, 0);
            return (PairMode.Colo, options.ColoPeriod, $"tries COLO again after {options.StayCheckpoints} checkpoints");
        }

        _meanMs = (Old * _meanMs) + (New * stretch.Length.TotalMilliseconds);
        _count++;
        if (_count < options.MinCheckpoints)
        {
            return (PairMode.Colo, options.ColoPeriod, $"judges COLO by {options.MinCheckpoints} checkpoints, and has seen {_count}");
        }

        var mean = options.IsBiasCorrected ? _meanMs / (1 - Math.Pow(Old, _count)) : _meanMs;
        if (mean >= options.Limit.TotalMilliseconds)
        {
            return (PairMode.Colo, options.ColoPeriod, Words($"checkpoints of COLO are {mean:0} ms apart"));
        }

        _left = options.StayCheckpoints;
        return (
            PairMode.Checkpoint, options.CheckpointPeriod,
            Words($"checkpoints of COLO are {mean:0} ms apart, less than {options.Limit.TotalMilliseconds:0} ms"));
    }
}
