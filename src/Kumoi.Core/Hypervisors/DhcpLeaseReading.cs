namespace Kumoi.Hypervisors;

/// <summary>An address that a network's DHCP has given away.</summary>
public sealed record DhcpLeaseReading
{
    /// <summary>IPv4 or IPv6, without its prefix.</summary>
    public required string Address { get; init; }

    /// <summary>How many bits of it are the network's.</summary>
    public int PrefixLength { get; init; }

    /// <summary>In small letters, with colons; empty: not known.</summary>
    public string MacAddress { get; init; } = "";

    /// <summary>As the guest calls itself; null: it did not say.</summary>
    public string? HostName { get; init; }

    /// <summary>When it ends, unless the guest asks for it again; null: never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }
}
