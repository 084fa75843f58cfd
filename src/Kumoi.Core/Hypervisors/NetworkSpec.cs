namespace Kumoi.Hypervisors;

/// <summary>A virtual network that is to be made (https://libvirt.org/formatnetwork.html).</summary>
public sealed record NetworkSpec
{
    public required string Name { get; init; }

    /// <summary>Nat, Isolated or Bridge.</summary>
    public NetworkKind Kind { get; init; }

    /// <summary>The host's address in it, IPv4, with the length of the prefix: <c>192.168.150.1/24</c>; null: it has none.</summary>
    public string? Address { get; init; }

    /// <summary>The first and the last address that DHCP gives away; null: it has no DHCP.</summary>
    public string? DhcpFirst { get; init; }

    public string? DhcpLast { get; init; }

    /// <summary>The host's bridge, of that kind.</summary>
    public string? Bridge { get; init; }

    /// <summary>It is started, too; else it is only defined.</summary>
    public bool IsStarted { get; init; } = true;

    /// <summary>The host starts it when the host itself starts.</summary>
    public bool IsAutostart { get; init; } = true;
}
