using Kumoi.Hypervisors;

namespace Kumoi;

/// <summary>A volume of a storage pool as it was read at <see cref="CapturedAt"/>.</summary>
public sealed class KumoiVolume
{
    internal KumoiVolume(KumoiConnection connection, VolumeReading reading, DateTimeOffset capturedAt)
    {
        Connection = connection;
        Reading = reading;
        CapturedAt = capturedAt;
    }

    public string Name => Reading.Name;

    public string StoragePool => Reading.Pool;

    public string VMHost => Connection.Name;

    public string Path => Reading.Path;

    /// <inheritdoc cref="VolumeReading.Format"/>
    public string Format => Reading.Format;

    /// <inheritdoc cref="VolumeReading.CapacityBytes"/>
    public long CapacityBytes => Reading.CapacityBytes;

    /// <inheritdoc cref="VolumeReading.AllocatedBytes"/>
    public long AllocatedBytes => Reading.AllocatedBytes;

    /// <inheritdoc cref="VolumeReading.BackingPath"/>
    public string? BackingPath => Reading.BackingPath;

    public DateTimeOffset CapturedAt { get; }

    internal KumoiConnection Connection { get; }

    internal VolumeReading Reading { get; }

    public override string ToString() => Name;
}
