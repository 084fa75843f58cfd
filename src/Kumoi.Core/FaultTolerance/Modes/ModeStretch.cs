namespace Kumoi.FaultTolerance.Modes;

/// <summary>What a pair did from one commit to the next: it ran for a while, and then made a checkpoint.</summary>
/// <param name="Mode">How the backup followed.</param>
/// <param name="Length">
/// From the commit of the last checkpoint to the beginning of this one. The guest ran all the time. (ORBIT measures it so: its pause is not
/// part of it.)
/// </param>
/// <param name="Cause">Why this checkpoint was made.</param>
/// <param name="Cost">What it has cost.</param>
public readonly record struct ModeStretch(PairMode Mode, TimeSpan Length, CheckpointCause Cause, CheckpointMeasure Cost)
{
    /// <summary>From commit to commit.</summary>
    public TimeSpan Elapsed => Length + Cost.Duration;
}
