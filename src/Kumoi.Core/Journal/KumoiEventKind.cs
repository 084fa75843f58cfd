namespace Kumoi;

/// <summary>What an event tells of.</summary>
public enum KumoiEventKind
{
    /// <summary>Of a kind that this version does not know: a newer one wrote it.</summary>
    Other = 0,

    /// <summary>An element failed, and another took its place.</summary>
    Substitution,

    /// <summary>What was done on a failed element was undone, or could not be.</summary>
    Compensation,

    /// <summary>An element failed, and nothing was left to take its place.</summary>
    Exhaustion,

    /// <summary>A failure was masked.</summary>
    FailureOblivious,

    /// <summary>A change may or may not have taken effect.</summary>
    OutcomeUnknown,

    /// <summary>The link to a host was lost.</summary>
    ConnectionLost,

    /// <summary>A lost link is open again.</summary>
    ConnectionReopened,

    /// <summary>What the hypervisor told of a VM. Only watched, never in the journal.</summary>
    VMLifecycle,

    /// <summary>Events may have been missed before this one.</summary>
    Gap,

    /// <summary>What the VMs of a host have used.</summary>
    Usage,

    /// <summary>A group of VMs was made larger or smaller, or could not be.</summary>
    Scaling,

    /// <summary>A step of an operation that runs on several targets: after a crash they tell which of them may have won.</summary>
    Speculation,

    /// <summary>
    /// A host was taken out of service or back, or a VM was moved for that: the latest mark of a host decides for all sessions.
    /// </summary>
    Maintenance,

    /// <summary>A step of a rolling upgrade: after an interruption they tell where to go on.</summary>
    RollingUpgrade,

    /// <summary>
    /// A fault-tolerant pair began, ended, or came into another phase: they tell which pairs there are, and who keeps them.
    /// </summary>
    FaultTolerance,

    /// <summary>
    /// The agent was given something to do, or it was taken away: what was given and not taken, the next agent goes on with.
    /// </summary>
    Agent,
}
