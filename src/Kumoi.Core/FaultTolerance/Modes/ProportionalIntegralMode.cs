namespace Kumoi.FaultTolerance.Modes;

/// <summary>
/// In each control period first COLO and then checkpoint mode, for the share that follows from how many checkpoints per second the last
/// one had.
/// </summary>
internal sealed class ProportionalIntegralMode(ProportionalIntegralModeOptions options)
    : ModeController(PairMode.Colo, options.ColoPeriod, "begins in COLO, to see how far apart its checkpoints are")
{
    private TimeSpan _elapsed; // of this control period
    private int _count;
    private TimeSpan _inCheckpointMode; // of this control period, and so many checkpoints
    private int _countInCheckpointMode;
    private double _own = 1 / options.CheckpointPeriod.TotalSeconds; // checkpoints per second that checkpoint mode itself makes
    private double _integral;
    private double _seen = double.NaN; // checkpoints per second of the last control period

    /// <summary>ρ: the share of the control period in checkpoint mode, 0 to 1.</summary>
    public double Share { get; private set; }

    private double SetPoint => options.SetPoint ?? ((1 + options.Margin) * _own);

    private protected override (PairMode Mode, TimeSpan Period, string Reason) Decide(ModeStretch stretch)
    {
        _elapsed += stretch.Elapsed;
        _count++;
        if (stretch.Mode is PairMode.Checkpoint)
        {
            _inCheckpointMode += stretch.Elapsed;
            _countInCheckpointMode++;
        }

        if (_elapsed >= options.ControlPeriod)
        {
            Choose();
        }

        // A part that is shorter than a checkpoint's period is none.
        var colo = (1 - Share) * options.ControlPeriod;
        var hasColo = colo >= options.CheckpointPeriod;
        var hasCheckpoints = options.ControlPeriod - colo >= options.CheckpointPeriod;
        if (!hasCheckpoints)
        {
            return (PairMode.Colo, options.ColoPeriod, Reason());
        }

        // COLO is left by a checkpoint: one is made when its part is over, but not for a rest that is hardly one.
        var left = colo - _elapsed;
        return hasColo && left >= options.CheckpointPeriod
            ? (PairMode.Colo, left < options.ColoPeriod ? left : options.ColoPeriod, Reason())
            : (PairMode.Checkpoint, options.CheckpointPeriod, Reason());
    }

    private void Choose()
    {
        if (_inCheckpointMode > TimeSpan.Zero)
        {
            _own = _countInCheckpointMode / _inCheckpointMode.TotalSeconds;
        }

        var seconds = _elapsed.TotalSeconds;
        var error = (_count / seconds) - SetPoint;
        _integral += error * seconds;
        var wanted = (options.Kp * error) + (options.Ki * _integral);
        Share = Math.Clamp(wanted, 0, 1);
        if (wanted != Share)
        {
            // What cannot be done is not added up: it would have to be taken back before anything happens.
            _integral = (Share - (options.Kp * error)) / options.Ki;
        }

        (_elapsed, _count, _seen) = (TimeSpan.Zero, 0, _count / seconds);
        (_inCheckpointMode, _countInCheckpointMode) = (TimeSpan.Zero, 0);
    }

    private string Reason() => double.IsNaN(_seen)
        ? "has not seen a whole control period yet"
        : Words($"{_seen:0.00} checkpoints per second, {SetPoint:0.00} are wanted: {Share:P0} of the time in checkpoint mode");
}
