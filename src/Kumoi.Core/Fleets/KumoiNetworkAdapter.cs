using Kumoi.Hypervisors;

namespace Kumoi;

/// <summary>A network adapter of a VM as it was read at <see cref="CapturedAt"/>.</summary>
public sealed class KumoiNetworkAdapter
{
    internal KumoiNetworkAdapter(KumoiVM vm, AdapterReading reading, DateTimeOffset capturedAt)
    {
        Of = vm;
        Reading = reading;
        CapturedAt = capturedAt;
    }

    /// <summary>The VM's name.</summary>
    public string VM => Of.Name;

    public string VMHost => Of.VMHost;

    /// <inheritdoc cref="AdapterReading.MacAddress"/>
    public string MacAddress => Reading.MacAddress;

    /// <inheritdoc cref="AdapterReading.Kind"/>
    public AdapterKind Kind => Reading.Kind;

    /// <inheritdoc cref="AdapterReading.Source"/>
    public string? Source => Reading.Source;

    /// <inheritdoc cref="AdapterReading.Model"/>
    public string Model => Reading.Model;

    /// <inheritdoc cref="AdapterReading.IsConnected"/>
    public bool IsConnected => Reading.IsConnected;

    /// <inheritdoc cref="AdapterReading.Vlan"/>
    public int? Vlan => Reading.Vlan;

    /// <inheritdoc cref="AdapterReading.InboundKiBPerSec"/>
    public long? InboundKiBPerSec => Reading.InboundKiBPerSec;

    /// <inheritdoc cref="AdapterReading.OutboundKiBPerSec"/>
    public long? OutboundKiBPerSec => Reading.OutboundKiBPerSec;

    /// <inheritdoc cref="AdapterReading.Filter"/>
    public string? Filter => Reading.Filter;

    /// <inheritdoc cref="AdapterReading.HostDevice"/>
    public string? HostDevice => Reading.HostDevice;

    /// <inheritdoc cref="AdapterReading.Addresses"/>
    public IReadOnlyList<string>? Addresses => Reading.Addresses;

    public DateTimeOffset CapturedAt { get; }

    internal KumoiVM Of { get; }

    internal AdapterReading Reading { get; }

    public override string ToString() => MacAddress;
}
