namespace Kumoi;

/// <summary>What a VM is doing. libvirt's virDomainState, with its transient states folded in.</summary>
public enum PowerState
{
    Unknown = 0,
    Running,
    Paused,
    Shutoff,
    Crashed,

    /// <summary>Suspended by the guest's own power management.</summary>
    PMSuspended,
}
