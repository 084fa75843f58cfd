using Kumoi.Hypervisors;

namespace Kumoi;

/// <summary>A storage pool of a host as it was read at <see cref="CapturedAt"/>.</summary>
public sealed class KumoiPool
{
    internal KumoiPool(KumoiConnection connection, PoolReading reading, DateTimeOffset capturedAt)
    {
        Connection = connection;
        Reading = reading;
        CapturedAt = capturedAt;
    }

    /// <inheritdoc cref="PoolReading.Id"/>
    public Guid Id => Reading.Id;

    public string Name => Reading.Name;

    public string VMHost => Connection.Name;

    /// <inheritdoc cref="PoolReading.Type"/>
    public string Type => Reading.Type;

    /// <inheritdoc cref="PoolReading.IsActive"/>
    public bool IsActive => Reading.IsActive;

    /// <inheritdoc cref="PoolReading.IsAutostart"/>
    public bool IsAutostart => Reading.IsAutostart;

    /// <inheritdoc cref="PoolReading.Path"/>
    public string? Path => Reading.Path;

    /// <inheritdoc cref="PoolReading.CapacityBytes"/>
    public long CapacityBytes => Reading.CapacityBytes;

    public long AllocatedBytes => Reading.AllocatedBytes;

    public long FreeBytes => Reading.FreeBytes;

    public DateTimeOffset CapturedAt { get; }

    internal KumoiConnection Connection { get; }

    internal PoolReading Reading { get; }

    public override string ToString() => Name;
}
