using Kumoi.Hypervisors;

namespace Kumoi;

/// <summary>A virtual network of a host as it was read at <see cref="CapturedAt"/>.</summary>
public sealed class KumoiNetwork
{
    internal KumoiNetwork(KumoiConnection connection, NetworkReading reading, DateTimeOffset capturedAt)
    {
        Connection = connection;
        Reading = reading;
        CapturedAt = capturedAt;
    }

    /// <inheritdoc cref="NetworkReading.Id"/>
    public Guid Id => Reading.Id;

    public string Name => Reading.Name;

    public string VMHost => Connection.Name;

    public NetworkKind Kind => Reading.Kind;

    /// <inheritdoc cref="NetworkReading.IsActive"/>
    public bool IsActive => Reading.IsActive;

    /// <inheritdoc cref="NetworkReading.IsAutostart"/>
    public bool IsAutostart => Reading.IsAutostart;

    /// <inheritdoc cref="NetworkReading.Bridge"/>
    public string? Bridge => Reading.Bridge;

    /// <inheritdoc cref="NetworkReading.Addresses"/>
    public IReadOnlyList<string> Addresses => Reading.Addresses;

    /// <inheritdoc cref="NetworkReading.DhcpRanges"/>
    public IReadOnlyList<string> DhcpRanges => Reading.DhcpRanges;

    public DateTimeOffset CapturedAt { get; }

    internal KumoiConnection Connection { get; }

    internal NetworkReading Reading { get; }

    public override string ToString() => Name;
}
