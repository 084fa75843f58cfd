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
        { Phase: FailingOver } => new Fence(record.Primary),
        { Phase: TakingOver, Checkpoint: { } checkpoint } => new TakeOver(record.Backup, checkpoint),
        { Phase: Reprotecting } => new ChooseBackup(record.Primary),
        { Phase: Unprotected } => new RunAlone(record.Primary),
        { Phase: Stopped } => new End(),
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
        (Starting or Unprotected, PrimaryDied died) => record with { Phase = Lost, Backup = null, Reason = died.Reason },

        (Protected or Reprotecting, CheckpointsFail failed) => Alone(record, failed.Reason),
        (Protected or Reprotecting, PrimaryLost lost) => record with { Phase = FailingOver, Reason = lost.Reason },
        (Protected or Reprotecting, PrimaryDied died) => record with { Phase = FailingOver, Reason = died.Reason },
        (Protected or Reprotecting, OutputLost lost) => record with { Phase = FailingOver, Reason = lost.Reason },
        (Protected, SwitchRequested) => record with { Phase = FailingOver, Reason = "an admin lets the backup take over" },
        (Protected, BackupLost lost) => record with { Phase = Reprotecting, Backup = null, Reason = lost.Reason },

        (FailingOver, Fenced) => record with { Phase = TakingOver },
        (FailingOver, NotFenced failed) => record with { Reason = failed.Reason },

        (TakingOver, TookOver taken) => record with { Phase = Reprotecting, Primary = taken.Host, Backup = null },
        (TakingOver, BackupChosen chosen) when record.Backup is null => record with { Backup = chosen.Host },
        (TakingOver, CannotTakeOver cannot) when cannot.Host == record.Backup => record with { Backup = null, Reason = cannot.Reason },

        (Reprotecting, BackupChosen chosen) => record with { Phase = Protected, Backup = chosen.Host, Reason = null },
        (Reprotecting, NoBackup none) => Alone(record, none.Reason),

        // From here a checkpoint is a first one: what has gone out meanwhile is not covered by any before.
        (Unprotected, BackupChosen chosen) => record with { Phase = Starting, Backup = chosen.Host },

        (Starting or Protected or Reprotecting or Unprotected, StopRequested) =>
            record with { Phase = Stopped, Backup = null, Checkpoint = null, Reason = null },
        _ => record,
    };

    private static PairRecord Alone(PairRecord record, string reason) =>
        record with { Phase = Unprotected, Backup = null, Checkpoint = null, Reason = reason };
}
