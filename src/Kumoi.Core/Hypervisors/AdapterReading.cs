namespace Kumoi.Hypervisors;

/// <summary>A network adapter of a VM as its host tells it.</summary>
public sealed record AdapterReading
{
    /// <summary>In small letters, with colons. It tells it from the VM's others.</summary>
    public required string MacAddress { get; init; }

    public required AdapterKind Kind { get; init; }

    /// <summary>The name of the network, the bridge or the host's interface; null: it has none.</summary>
    public string? Source { get; init; }

    /// <summary>What the guest sees, such as <c>virtio</c> or <c>e1000e</c>; empty: not told.</summary>
    public string Model { get; init; } = "";

    /// <summary>Its cable is plugged in.</summary>
    public bool IsConnected { get; init; } = true;

    /// <summary>The VLAN to which its packets belong; null: none. Several: the first.</summary>
    public int? Vlan { get; init; }

    /// <summary>How much may come in on average, in KiB/s; null: as much as can.</summary>
    public long? InboundKiBPerSec { get; init; }

    /// <summary>How much may go out on average, in KiB/s; null: as much as can.</summary>
    public long? OutboundKiBPerSec { get; init; }

    /// <summary>The name of the host's filter for its packets; null: none.</summary>
    public string? Filter { get; init; }

    /// <summary>Its other end on the host, while the VM runs, such as <c>vnet0</c>; null: none.</summary>
    public string? HostDevice { get; init; }

    /// <summary>
    /// IPv4 and IPv6, without prefixes, and without those that nobody else reaches (loopback, link-local); empty: none is known; null: they
    /// were not looked for.
    /// </summary>
    public IReadOnlyList<string>? Addresses { get; init; }
}
