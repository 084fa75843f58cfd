namespace Kumoi.Hypervisors;

/// <summary>A virtual network of a host, active or not.</summary>
public sealed record NetworkReading
{
    /// <summary>Tells it from all others, also from one that gets its name later.</summary>
    public Guid Id { get; init; }

    public required string Name { get; init; }

    public NetworkKind Kind { get; init; }

    /// <summary>VMs can be connected to it.</summary>
    public bool IsActive { get; init; }

    /// <summary>The host starts it when the host itself starts.</summary>
    public bool IsAutostart { get; init; }

    /// <summary>The bridge on the host, such as <c>virbr0</c>; null: it has none, or not before it is active.</summary>
    public string? Bridge { get; init; }

    /// <summary>The host's addresses in it, with the lengths of their prefixes: <c>192.168.122.1/24</c>.</summary>
    public IReadOnlyList<string> Addresses { get; init; } = [];

    /// <summary>What its DHCP gives away, first and last: <c>192.168.122.2-192.168.122.254</c>; none: it has no DHCP.</summary>
    public IReadOnlyList<string> DhcpRanges { get; init; } = [];
}
