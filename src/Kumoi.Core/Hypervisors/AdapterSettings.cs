using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors;

/// <summary>What a network adapter is to be like. What is null is not said.</summary>
public sealed record AdapterSettings
{
    /// <summary>The name of a network of libvirt; not together with <see cref="Bridge"/>.</summary>
    public string? Network { get; init; }

    /// <summary>The name of a bridge of the host.</summary>
    public string? Bridge { get; init; }

    /// <summary>Whether its cable is plugged in.</summary>
    public bool? IsConnected { get; init; }

    /// <summary>1 to 4094; 0: none.</summary>
    public int? Vlan { get; init; }

    /// <summary>On average, in KiB/s; 0: as much as can.</summary>
    public long? InboundKiBPerSec { get; init; }

    /// <summary>On average, in KiB/s; 0: as much as can.</summary>
    public long? OutboundKiBPerSec { get; init; }

    /// <summary>The name of a filter of the host for its packets; empty: none.</summary>
    public string? Filter { get; init; }

    internal JsonObject ToJson() => new()
    {
        ["network"] = Network,
        ["bridge"] = Bridge,
        ["isConnected"] = IsConnected,
        ["vlan"] = Vlan,
        ["inboundKiBPerSec"] = InboundKiBPerSec,
        ["outboundKiBPerSec"] = OutboundKiBPerSec,
        ["filter"] = Filter,
    };
}
