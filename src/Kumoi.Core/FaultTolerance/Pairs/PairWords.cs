using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Protocols;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>What has become of a pair, in words for an admin.</summary>
internal static class PairWords
{
    /// <summary>Its backup follows in another way.</summary>
    public static string Of(PairOrder order, ModeDecision change) => $"'{order.VMName}' goes on in "
        + $"{(change.Mode is PairMode.Colo ? "COLO" : "checkpoint mode")}: {change.Reason}.";

    public static string Of(PairOrder order, PairEvent happened, PairRecord record)
    {
        var vm = $"'{order.VMName}'";
        return (happened, record.Phase) switch
        {
            (PairEvent.TookOver took, _) => $"{took.Host} has taken over {vm}.",
            (PairEvent.CannotTakeOver cannot, _) => $"{cannot.Host} could not take over {vm}: {cannot.Reason}",
            (PairEvent.CheckpointFailed failed, _) => $"A checkpoint of {vm} has failed, and is tried again: {failed.Reason}",
            (PairEvent.NotFenced not, PairPhase.FailingOver) =>
                $"Nobody may take over {vm}: whether it still runs on {record.Primary} is not known. {not.Reason}",
            (_, PairPhase.Protected) =>
                $"{vm} is protected: it runs on {record.Primary}, and {record.Backup ?? "another host"} can go on with it.",
            (_, PairPhase.FailingOver) => $"{record.Primary} is to be fenced: {record.Reason}",
            (_, PairPhase.TakingOver) => $"{record.Backup ?? "Another host"} takes over {vm}.",
            (_, PairPhase.Resuming) => $"{vm} is ready on {record.Primary}, and is let go on.",
            (_, PairPhase.Revoking) =>
                $"{vm} goes on alone on {record.Primary} when {record.Backup} is known not to go on with it: {record.Reason}",
            (_, PairPhase.Reprotecting) => $"{vm} runs on {record.Primary}, and needs another backup: {record.Reason}",
            (_, PairPhase.Unprotected) => $"{vm} runs on {record.Primary} without protection: {record.Reason}",
            (_, PairPhase.Starting) => $"{vm} runs on {record.Primary}; its first checkpoint is being made.",
            (_, PairPhase.Lost) => $"{vm} is lost: {record.Reason}",
            _ => $"The protection of {vm} was ended.",
        };
    }
}
