using static Kumoi.FaultTolerance.Protocols.PairAction;
using static Kumoi.FaultTolerance.Protocols.PairEvent;
using static Kumoi.FaultTolerance.Protocols.PairPhase;

namespace Kumoi.FaultTolerance.Protocols;

/// <summary>
/// The protocol of a pair whose backup goes on from checkpoints: from what is written down follows what is done, and from what is found out
/// what is written down next. Pure: it reads no clock and does no I/O, so that a controller follows it, and a test walks all of it.
/// </summary>
/// <remarks>
/// The order is the promise. A record is written down before anything is done that follows from it: output goes out only when the
/// checkpoint that covers it is committed, a host takes over only when the primary is fenced, and the primary goes on alone only when no
/// checkpoint counts any more.
/// </remarks>
public static class PairRules
{
    /// <summary>What follows from the record; null: nothing, the pair is over.</summary>
    public static PairAction? Next(PairRecord record) => record switch
    {
        { Phase: Starting or Protected } => new MakeCheckpoint(record.Primary, record.Backup, record.Checkpoint, record.LastNumber + 1),
        { Phase: FailingOver } => new Fence(record.Primary, KeptInMemory(record) ? record.Backup : null, record.Checkpoint),
        { Phase: TakingOver, Checkpoint: { } checkpoint } => new TakeOver(record.Backup, checkpoint),
        { Phase: Resuming } => new Resume(record.Primary),
        { Phase: Reprotecting } => new ChooseBackup(record.Primary),
        { Phase: Revoking, Backup: { } backup } => new Revoke(record.Primary, backup),
        { Phase: Unprotected } => new RunAlone(record.Primary),
        { Phase: Stopped } => new End(record.Backup),
        _ => null,
    };

    /// <summary>
    /// What is to be written down. What an event does not change stays; one that does not fit the phase changes nothing.
    /// </summary>
    public static PairRecord Apply(PairRecord record, PairEvent happened) => (record.Phase, happened) switch
    {
        (Starting or Protected, CheckpointMade made) when made.Checkpoint.Number == record.LastNumber + 1 =>
            record with { Phase = Protected, Checkpoint = made.Checkpoint, LastNumber = made.Checkpoint.Number, Reason = null },

        // Without a checkpoint nothing was promised, and there is nothing to go back to.
        (Starting, CheckpointsFail failed) => Alone(record, failed.Reason),
        (Starting, OutputLost lost) => Alone(record, lost.Reason),
        (Starting, BackupLost lost) => Alone(record, lost.Reason),
        (Starting, PrimaryLost lost) => Alone(record, lost.Reason),
        (Starting or Unprotected, PrimaryDied died) => Lose(record, died.Reason),

        // While a checkpoint is being revoked no output goes out, so it is as good as before if the primary fails meanwhile.
        (Protected or Reprotecting, CheckpointsFail failed) => GiveUp(record, failed.Reason),
        (Protected or Reprotecting or Revoking, PrimaryLost lost) => record with { Phase = FailingOver, Reason = lost.Reason },
        (Protected or Reprotecting or Revoking, PrimaryDied died) => record with { Phase = FailingOver, Reason = died.Reason },
        (Protected or Reprotecting or Revoking, OutputLost lost) => record with { Phase = FailingOver, Reason = lost.Reason },
        (Protected, SwitchRequested) => record with { Phase = FailingOver, Reason = "an admin lets the backup take over" },
        (Protected, BackupLost lost) when KeptInMemory(record) => GiveUp(record, lost.Reason),
        (Protected, BackupLost lost) => record with { Phase = Reprotecting, Backup = null, Reason = lost.Reason },

        (Revoking, Fenced) => Alone(record, record.Reason),
        (Revoking, NotFenced failed) => record with { Reason = failed.Reason },

        (FailingOver, Fenced) => record with { Phase = TakingOver },
        (FailingOver, NotFenced failed) => record with { Reason = failed.Reason },
        (FailingOver, BackupLost lost) when KeptInMemory(record) => GiveUp(record, lost.Reason),
        (FailingOver, CheckpointGone gone) => Alone(record, gone.Reason),

        (TakingOver, Restored restored) when KeptInMemory(record) => record with
        {
            Phase = Resuming,
            Primary = restored.Host,
            Standby = record.Checkpoint!.Standby,
            Backup = null,
            Checkpoint = null,
        },
        (TakingOver, Restored restored) => record with { Phase = Resuming, Primary = restored.Host, Standby = null, Backup = null },
        (TakingOver, BackupChosen chosen) when record.Backup is null => record with { Backup = chosen.Host },
        (TakingOver, CannotTakeOver cannot) when cannot.Host == record.Backup && !KeptInMemory(record) =>
            record with { Backup = null, Reason = cannot.Reason },
        (TakingOver, CheckpointGone gone) => Lose(record, gone.Reason),

        (Resuming, TookOver) => record with { Phase = record.Checkpoint is null ? Unprotected : Reprotecting },
        (Resuming, PrimaryLost lost) when record.Checkpoint is not null => record with { Phase = FailingOver, Reason = lost.Reason },
        (Resuming, PrimaryDied died) when record.Checkpoint is not null => record with { Phase = FailingOver, Reason = died.Reason },
        (Resuming, OutputLost lost) when record.Checkpoint is not null => record with { Phase = FailingOver, Reason = lost.Reason },
        (Resuming, PrimaryDied died) => Lose(record, died.Reason),

        (Reprotecting, BackupChosen chosen) => record with { Phase = Protected, Backup = chosen.Host, Reason = null },
        (Reprotecting, NoBackup none) => Alone(record, none.Reason),

        // From here a checkpoint is a first one: what has gone out meanwhile is not covered by any before.
        (Unprotected, BackupChosen chosen) => record with { Phase = Starting, Backup = chosen.Host },

        (Starting or Protected or Reprotecting or Revoking or Unprotected, StopRequested) =>
            record with { Phase = Stopped, Checkpoint = null, Reason = null },
        _ => record,
    };

    private static bool KeptInMemory(PairRecord record) => record.Checkpoint is { SurvivesBackup: false };

    /// <summary>The VM goes on alone; where the backup could go on by itself, only when it cannot any more.</summary>
    private static PairRecord GiveUp(PairRecord record, string reason) =>
        KeptInMemory(record) ? record with { Phase = Revoking, Reason = reason } : Alone(record, reason);

    private static PairRecord Alone(PairRecord record, string? reason) =>
        record with { Phase = Unprotected, Backup = null, Checkpoint = null, Reason = reason };

    private static PairRecord Lose(PairRecord record, string reason) =>
        record with { Phase = Lost, Backup = null, Checkpoint = null, Reason = reason };
}
