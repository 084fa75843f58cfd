using Kumoi.Hypervisors;

namespace Kumoi;

/// <summary>An address that a network's DHCP has given away, as it was read at <see cref="CapturedAt"/>.</summary>
public sealed class KumoiDhcpLease
{
    internal KumoiDhcpLease(KumoiNetwork network, DhcpLeaseReading reading, DateTimeOffset capturedAt)
    {
        Network = network.Name;
        VMHost = network.VMHost;
        Reading = reading;
        CapturedAt = capturedAt;
    }

    /// <inheritdoc cref="DhcpLeaseReading.Address"/>
    public string Address => Reading.Address;

    /// <inheritdoc cref="DhcpLeaseReading.PrefixLength"/>
    public int PrefixLength => Reading.PrefixLength;

    /// <inheritdoc cref="DhcpLeaseReading.MacAddress"/>
    public string MacAddress => Reading.MacAddress;

    /// <inheritdoc cref="DhcpLeaseReading.HostName"/>
    public string? HostName => Reading.HostName;

    /// <inheritdoc cref="DhcpLeaseReading.ExpiresAt"/>
    public DateTimeOffset? ExpiresAt => Reading.ExpiresAt;

    public string Network { get; }

    public string VMHost { get; }

    public DateTimeOffset CapturedAt { get; }

    internal DhcpLeaseReading Reading { get; }

    public override string ToString() => Address;
}
