using Kumoi.FaultTolerance.Modes;

namespace Kumoi.FaultTolerance.Protocols;

/// <summary>What was found out while an action was done.</summary>
public abstract record PairEvent
{
    private PairEvent()
    {
    }

    /// <summary>The backup has the state, the cut and the held output of the checkpoint.</summary>
    public sealed record CheckpointMade(CheckpointMark Checkpoint) : PairEvent
    {
        /// <summary>What it has cost.</summary>
        public CheckpointMeasure Measure { get; init; }

        /// <summary>How long the guest ran before it, since the last commit.</summary>
        public TimeSpan Length { get; init; }

        /// <summary>Why it was made then.</summary>
        public CheckpointCause Cause { get; init; }

        /// <summary>How the backup followed until then.</summary>
        public PairMode Mode { get; init; }

        /// <summary>From here on the backup follows in another way; null: as before.</summary>
        public ModeDecision? Change { get; init; }
    }

    /// <summary>A checkpoint has failed although the primary runs. It is tried again.</summary>
    public sealed record CheckpointFailed(string Reason) : PairEvent;

    /// <summary>Checkpoints fail although the primary runs, and were tried often enough.</summary>
    public sealed record CheckpointsFail(string Reason) : PairEvent;

    /// <summary>The primary does not answer. Whether the VM runs there is not known.</summary>
    public sealed record PrimaryLost(string Reason) : PairEvent;

    /// <summary>The VM is known not to run on the primary any more.</summary>
    public sealed record PrimaryDied(string Reason) : PairEvent;

    /// <summary>
    /// Output of the primary since the last checkpoint is gone, as after the death of the controller that held it. Only going back to that
    /// checkpoint brings it again.
    /// </summary>
    public sealed record OutputLost(string Reason) : PairEvent;

    /// <summary>The host is known not to run the VM.</summary>
    public sealed record Fenced : PairEvent;

    /// <summary>Nobody knows whether the host runs the VM.</summary>
    public sealed record NotFenced(string Reason) : PairEvent;

    /// <summary>The VM is on the host as it was at the checkpoint, paused, and what that covers is out.</summary>
    public sealed record Restored(string Host) : PairEvent;

    /// <summary>The host that had the checkpoint in its memory is known not to have it any more.</summary>
    public sealed record CheckpointGone(string Reason) : PairEvent;

    /// <summary>The VM runs on the host.</summary>
    public sealed record TookOver(string Host) : PairEvent;

    /// <summary>The host has nothing of the VM, which is known; another one is tried.</summary>
    public sealed record CannotTakeOver(string Host, string Reason) : PairEvent;

    public sealed record BackupChosen(string Host) : PairEvent;

    /// <summary>The backup does not answer, and could not take over.</summary>
    public sealed record BackupLost(string Reason) : PairEvent;

    /// <summary>None of the hosts can be the backup.</summary>
    public sealed record NoBackup(string Reason) : PairEvent;

    /// <summary>
    /// An admin lets the backup take over, just after a checkpoint. What the primary puts out until it is fenced comes again.
    /// </summary>
    public sealed record SwitchRequested : PairEvent;

    /// <summary>An admin ends the protection.</summary>
    public sealed record StopRequested : PairEvent;
}
