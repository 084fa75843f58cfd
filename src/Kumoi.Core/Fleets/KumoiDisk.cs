using Kumoi.Hypervisors;

namespace Kumoi;

/// <summary>A disk or drive of a VM as it was read at <see cref="CapturedAt"/>.</summary>
public sealed class KumoiDisk
{
    internal KumoiDisk(KumoiVM vm, DiskReading reading, DateTimeOffset capturedAt)
    {
        Of = vm;
        Reading = reading;
        CapturedAt = capturedAt;
    }

    /// <summary>The VM's name.</summary>
    public string VM => Of.Name;

    public string VMHost => Of.VMHost;

    /// <inheritdoc cref="DiskReading.Target"/>
    public string Target => Reading.Target;

    public DiskDevice Device => Reading.Device;

    /// <inheritdoc cref="DiskReading.Bus"/>
    public string Bus => Reading.Bus;

    /// <inheritdoc cref="DiskReading.Path"/>
    public string? Path => Reading.Path;

    /// <inheritdoc cref="DiskReading.Source"/>
    public string? Source => Reading.Source;

    /// <inheritdoc cref="DiskReading.Format"/>
    public string Format => Reading.Format;

    /// <inheritdoc cref="DiskReading.CapacityBytes"/>
    public long? CapacityBytes => Reading.CapacityBytes;

    /// <inheritdoc cref="DiskReading.AllocatedBytes"/>
    public long? AllocatedBytes => Reading.AllocatedBytes;

    public bool IsReadOnly => Reading.IsReadOnly;

    /// <inheritdoc cref="DiskReading.IsShareable"/>
    public bool IsShareable => Reading.IsShareable;

    public DiskCache Cache => Reading.Cache;

    public DiskIo Io => Reading.Io;

    public DiskDiscard Discard => Reading.Discard;

    /// <inheritdoc cref="DiskReading.Limits"/>
    public DiskLimits Limits => Reading.Limits;

    public DateTimeOffset CapturedAt { get; }

    internal KumoiVM Of { get; }

    internal DiskReading Reading { get; }

    public override string ToString() => Target;
}
