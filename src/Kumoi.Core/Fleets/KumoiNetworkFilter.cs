using Kumoi.Hypervisors;

namespace Kumoi;

/// <summary>A filter of a host for the packets of network adapters, as it was read at <see cref="CapturedAt"/>.</summary>
public sealed class KumoiNetworkFilter
{
    internal KumoiNetworkFilter(KumoiConnection connection, NetworkFilterReading reading, DateTimeOffset capturedAt)
    {
        Connection = connection;
        Reading = reading;
        CapturedAt = capturedAt;
    }

    public string Name => Reading.Name;

    public string VMHost => Connection.Name;

    public Guid Id => Reading.Id;

    /// <inheritdoc cref="NetworkFilterReading.Chain"/>
    public string Chain => Reading.Chain;

    /// <inheritdoc cref="NetworkFilterReading.RuleCount"/>
    public int RuleCount => Reading.RuleCount;

    /// <inheritdoc cref="NetworkFilterReading.Includes"/>
    public IReadOnlyList<string> Includes => Reading.Includes;

    /// <inheritdoc cref="NetworkFilterReading.Xml"/>
    public string Xml => Reading.Xml;

    public DateTimeOffset CapturedAt { get; }

    internal KumoiConnection Connection { get; }

    internal NetworkFilterReading Reading { get; }

    public override string ToString() => Name;
}
