namespace Kumoi.FaultTolerance.Protocols;

/// <summary>Where a fault-tolerant pair is in its life.</summary>
public enum PairPhase
{
    /// <summary>Its first checkpoint is not there yet. Nothing is promised.</summary>
    Starting = 0,

    /// <summary>The backup can go on from the last checkpoint. Output is held from one checkpoint to the next.</summary>
    Protected,

    /// <summary>The primary does not answer, or its output was lost. It is fenced before anything else.</summary>
    FailingOver,

    /// <summary>The primary is fenced. The backup goes on from the last checkpoint.</summary>
    TakingOver,

    /// <summary>
    /// The backup host has the VM as it was at the last checkpoint, paused, and what that covers is out. It goes on; a checkpoint that was
    /// in its memory counts no more.
    /// </summary>
    Resuming,

    /// <summary>The new primary has no backup host yet. Output is still held, so that the last checkpoint stays good.</summary>
    Reprotecting,

    /// <summary>
    /// The backup must not take over any more, and what it could go on from is removed. Until that is known output is held.
    /// </summary>
    Revoking,

    /// <summary>The VM runs alone, and its output goes out at once. No checkpoint counts any more.</summary>
    Unprotected,

    /// <summary>Ended on purpose. The VM is left as it is.</summary>
    Stopped,

    /// <summary>The VM is lost: its host is, while it ran alone.</summary>
    Lost,

    /// <summary>Only its marks on hosts are known: no record is ever in this phase.</summary>
    Unknown,
}
