using Kumoi.Hypervisors;

namespace Kumoi;

/// <summary>A host as it was read at <see cref="CapturedAt"/>. A snapshot: it never changes; read again with Get-KumoiHost.</summary>
public sealed class KumoiHost : IComparable<KumoiHost>, IComparable
{
    private IReadOnlyList<KumoiVM>? _vms;

    internal KumoiHost(KumoiConnection connection, HostReading reading)
        : this(connection, reading, connection.Maintenance?.IsMarked(connection.Identity) ?? false, origin: null)
    {
    }

    private KumoiHost(KumoiConnection connection, HostReading reading, bool isInMaintenance, object? origin)
    {
        Connection = connection;
        Reading = reading;
        IsInMaintenance = isInMaintenance;
        Origin = origin;
        Tags = connection.Tags.Count == 0 ? reading.Tags : [.. reading.Tags.Union(connection.Tags, StringComparer.OrdinalIgnoreCase)];
    }

    public string Name => Connection.Name;

    public string Uri => Connection.Uri;

    /// <summary>Active logical CPUs.</summary>
    public int CpuCount => Reading.CpuCount;

    /// <summary>
    /// Share of all CPUs that was busy just before <see cref="CapturedAt"/>, 0..1; NaN where the hypervisor does not tell.
    /// </summary>
    public double CpuRatio => Reading.CpuRatio;

    public long MemoryBytes => Reading.MemoryBytes;

    public long FreeMemoryBytes => Reading.FreeMemoryBytes;

    public int VMCount => Reading.VMCount;

    public int RunningVMCount => Reading.RunningVMCount;

    /// <summary>The host's VMs at the same moment, in natural order of their names.</summary>
    public IReadOnlyList<KumoiVM> VMs => _vms ??= [.. (Reading.VMs ?? []).Select(vm => new KumoiVM(Connection, vm)).Order()];

    /// <summary>The host's own labels and those given with <c>Connect-KumoiHost -Tag</c>.</summary>
    public IReadOnlyList<string> Tags { get; }

    /// <inheritdoc cref="KumoiConnection.FailureGroup"/>
    public string? FailureGroup => Connection.FailureGroup;

    public string HypervisorType => Reading.HypervisorType;

    public Version? HypervisorVersion => Reading.HypervisorVersion;

    public string CpuModel => Reading.CpuModel;

    /// <summary>
    /// Suspend-KumoiHost, or a rolling upgrade, has taken it out of service: it takes no VMs. As this session's journal has it.
    /// </summary>
    public bool IsInMaintenance { get; }

    /// <summary>The host could not be read, and stands here with typed defaults.</summary>
    public bool IsMasked => Reading.IsMasked;

    public DateTimeOffset CapturedAt => Reading.CapturedAt;

    internal KumoiConnection Connection { get; }

    internal HostReading Reading { get; }

    /// <summary>
    /// Where in which lineage this object stands. A field of its own and never shown: ETS members would leak into ConvertTo-Json. Set by
    /// who made the object, before anybody else has it.
    /// </summary>
    internal object? Origin { get; set; }

    /// <summary>With an <see cref="Origin"/> that holds many objects: which of them this is.</summary>
    internal int OriginIndex { get; set; }

    internal KumoiHost WithOrigin(object? origin) => new(Connection, Reading, IsInMaintenance, origin);

    public int CompareTo(KumoiHost? other) => NaturalOrder.Instance.Compare(Name, other?.Name);

    int IComparable.CompareTo(object? obj) => CompareTo(obj as KumoiHost);

    public override string ToString() => Name;
}
