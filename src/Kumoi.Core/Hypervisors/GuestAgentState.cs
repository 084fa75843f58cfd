namespace Kumoi.Hypervisors;

/// <summary>What a host knows of the agent in a guest (qemu-guest-agent).</summary>
public enum GuestAgentState
{
    /// <summary>Not known.</summary>
    Unknown = 0,

    /// <summary>The VM has no channel for one.</summary>
    None,

    /// <summary>The channel is there, and nothing in the guest has opened it; so it is with a VM that is off.</summary>
    Disconnected,

    /// <summary>Something in the guest has the channel open.</summary>
    Connected,
}
