namespace Kumoi.Hypervisors.Faults;

/// <summary>The kinds of call that a fault can hit.</summary>
public enum FaultOperation
{
    /// <summary>Every kind.</summary>
    Any = 0,
    Connect,
    Read,

    /// <summary>Defining and undefining a VM.</summary>
    Define,

    /// <summary>Start, resume, reboot and reset.</summary>
    Start,

    /// <summary>Shutdown, destroy, suspend, the undoing of a define, and the removal of a copy that lost a migration to several targets.</summary>
    Stop,

    /// <summary>A migration from or to the host.</summary>
    Migrate,
}
