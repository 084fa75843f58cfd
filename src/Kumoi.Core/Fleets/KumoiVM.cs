using Kumoi.Hypervisors;

namespace Kumoi;

/// <summary>A VM as it was read at <see cref="CapturedAt"/>. A snapshot: it never changes; read again with Get-KumoiVM.</summary>
public sealed class KumoiVM : IComparable<KumoiVM>, IComparable
{
    internal KumoiVM(KumoiConnection connection, VMReading reading, object? origin = null, string? xml = null)
    {
        Connection = connection;
        Reading = reading;
        Origin = origin;
        Xml = xml;
    }

    public string Name => Reading.Name;

    /// <summary>The name of the host that the VM was on.</summary>
    public string VMHost => Connection.Name;

    public PowerState State => Reading.State;

    public int CpuCount => Reading.CpuCount;

    public long MemoryBytes => Reading.MemoryBytes;

    /// <summary>How many CPUs it can be given while it runs.</summary>
    public int MaxCpuCount => Reading.MaxCpuCount;

    /// <summary>
    /// What its balloon leaves to it of <see cref="MemoryBytes"/>; a guest that is asked for memory gives it when it can.
    /// </summary>
    public long AssignedMemoryBytes => Reading.AssignedMemoryBytes;

    /// <summary>CPU time used since the VM started.</summary>
    public TimeSpan CpuTime => Reading.CpuTime;

    /// <summary>
    /// Share of its CPUs that was busy just before <see cref="CapturedAt"/>, 0..1; 0 for a VM that is known not to run; NaN where it is not
    /// known, as at the first reading since it started.
    /// </summary>
    public double CpuRatio => Reading.CpuRatio;

    public long DiskReadBytes => Reading.DiskReadBytes;

    public long DiskWrittenBytes => Reading.DiskWrittenBytes;

    public long NetworkReceivedBytes => Reading.NetworkReceivedBytes;

    public long NetworkSentBytes => Reading.NetworkSentBytes;

    /// <summary>False: the VM is transient and vanishes when it stops.</summary>
    public bool IsPersistent => Reading.IsPersistent;

    /// <summary>
    /// Its memory was saved when it was stopped (libvirt's managed save), and its next start goes on from there. Its disks alone are those
    /// of a guest in mid-work.
    /// </summary>
    public bool HasSavedState => Reading.HasSavedState;

    /// <summary>Its host starts it when the host itself starts.</summary>
    public bool IsAutostart => Reading.IsAutostart;

    public Guid Id => Reading.Id;

    /// <summary>It never starts and never changes: VMs are made of it. Lists of VMs have none.</summary>
    internal bool IsTemplate => TemplateMark.IsOf(Id);

    /// <inheritdoc cref="KumoiHost.IsMasked"/>
    public bool IsMasked => Reading.IsMasked;

    public DateTimeOffset CapturedAt => Reading.CapturedAt;

    /// <summary>The hypervisor's own definition; only with <c>Get-KumoiVM -Raw</c>.</summary>
    public string? Xml { get; }

    /// <summary>What it is, in a line; as <see cref="Xml"/>. Empty: nobody has said.</summary>
    public string? Title => Texts?.Title;

    /// <summary>What else is said of it, in lines; as <see cref="Xml"/>. Empty: nothing.</summary>
    public string? Description => Texts?.Description;

    /// <summary>
    /// The addresses of its guest, without those that nobody else reaches (loopback, link-local); only with <c>Wait-KumoiVM -Address</c>.
    /// </summary>
    public IReadOnlyList<string>? Addresses { get; internal init; }

    private VMTexts? Texts
    {
        get
        {
            try
            {
                return Xml is { Length: > 0 } ? VMTexts.Of(SafeXml.Parse(Xml)) : null;
            }
            catch (System.Xml.XmlException)
            {
                return null; // a host's XML may be anything: it is shown as it is
            }
        }
    }

    internal KumoiConnection Connection { get; }

    /// <summary>What tells it from all other VMs that were read: copies of one VM on several hosts have one id.</summary>
    internal Fleets.VMKey Key => new(Connection.Name, Id);

    internal VMReading Reading { get; }

    /// <inheritdoc cref="KumoiHost.Origin"/>
    internal object? Origin { get; set; }

    /// <inheritdoc cref="KumoiHost.OriginIndex"/>
    internal int OriginIndex { get; set; }

    internal KumoiVM WithOrigin(object? origin) => new(Connection, Reading, origin, Xml) { Addresses = Addresses };

    /// <summary>The same VM, on the host that it was moved to.</summary>
    internal KumoiVM At(KumoiConnection? movedTo) =>
        movedTo is null ? this : new(movedTo, Reading, Origin, Xml) { Addresses = Addresses };

    public int CompareTo(KumoiVM? other)
    {
        var order = NaturalOrder.Instance.Compare(Name, other?.Name);
        return order != 0 ? order : NaturalOrder.Instance.Compare(VMHost, other?.VMHost);
    }

    int IComparable.CompareTo(object? obj) => CompareTo(obj as KumoiVM);

    public override string ToString() => Name;
}
