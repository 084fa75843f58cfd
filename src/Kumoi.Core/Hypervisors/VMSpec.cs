using System.Xml;

namespace Kumoi.Hypervisors;

/// <summary>What a new VM shall be. Either <see cref="Xml"/>, or the single settings.</summary>
public sealed record VMSpec
{
    /// <summary>Empty only with <see cref="Xml"/>: then the XML's own name holds; otherwise this name replaces it.</summary>
    public string Name { get; init; } = "";

    /// <summary>Without <see cref="Xml"/>: free text that the VM carries.</summary>
    public string? Description { get; init; }

    public long MemoryBytes { get; init; } = 1L << 30;

    public int CpuCount { get; init; } = 1;

    /// <summary>With <see cref="Xml"/> only those that have a <see cref="DiskSpec.Content"/>, as CDs.</summary>
    public IReadOnlyList<DiskSpec> Disks { get; init; } = [];

    /// <summary>Names of libvirt networks; one interface each.</summary>
    public IReadOnlyList<string> Networks { get; init; } = [];

    /// <summary>Path, on the host, of a kernel to boot directly.</summary>
    public string? Kernel { get; init; }

    public string? Initrd { get; init; }

    public string? KernelArguments { get; init; }

    /// <summary>
    /// Without <see cref="Xml"/>: a whole machine, with screen, agent channel and all that people expect of one. Null: a bare one, with a
    /// serial port and nothing else beside what is named here.
    /// </summary>
    public MachineSpec? Machine { get; init; }

    /// <summary>Without <see cref="Xml"/>: words that the VM carries.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Whether the host starts the VM when the host itself starts.</summary>
    public bool IsAutostart { get; init; }

    /// <summary>
    /// The hypervisor's own domain XML; unknown elements are kept. With a <see cref="Name"/>, what only one VM can have (ids, MAC
    /// addresses, fixed ports and sockets) is chosen anew, so that one XML serves for many VMs.
    /// </summary>
    public string? Xml { get; init; }

    /// <summary>
    /// Only with <see cref="Xml"/>. Each disk that the XML's VM writes to becomes a new volume, <c>&lt;vm&gt;-1</c>, <c>&lt;vm&gt;-2</c>,
    /// …, in the same storage pool and with the same content; that VM must be off meanwhile. Disks that are read only or shareable, CDs and
    /// floppies are shared. A disk that is written to and is no volume of a pool fails with
    /// <see cref="HypervisorError.InvalidSpecification"/>.
    /// </summary>
    public bool CopyDisks { get; init; }

    /// <summary>
    /// With <see cref="CopyDisks"/>: the new volumes are qcow2 overlays, which hold only what the VM changes. What they are built on must
    /// not change, as a template's disks do not.
    /// </summary>
    public bool LinkDisks { get; init; }

    /// <summary>Only with <see cref="Xml"/> and a name: what is defined is a template, which never starts.</summary>
    public bool IsTemplate { get; init; }

    /// <summary>With <see cref="Xml"/> and a name: the address of its first network adapter; null: the hypervisor chooses one.</summary>
    public string? MacAddress { get; init; }

    /// <summary>Without <see cref="Xml"/>: the VM's id; null: the hypervisor chooses one.</summary>
    public Guid? Id { get; init; }

    /// <summary>
    /// The VM is one of several copies that are made at the same time: it carries this mark from the start, and its new volumes are named
    /// <c>&lt;vm&gt;-r&lt;replica&gt;-&lt;n&gt;</c>, so that copies in a storage pool that hosts share keep apart.
    /// </summary>
    public SpeculationMark? Mark { get; init; }

    /// <summary>Making it copies disks, which takes as long as it takes.</summary>
    internal bool Copies => (CopyDisks && !LinkDisks) || Disks.Any(static disk => disk.CopyOf is not null);

    /// <summary>The name that the VM is going to have; null where it cannot be told.</summary>
    internal string? FindName()
    {
        if (Name.Length > 0 || Xml is null)
        {
            return Name;
        }

        try
        {
            return SafeXml.Parse(Xml).Element("name")?.Value;
        }
        catch (XmlException)
        {
            // The driver is going to say so.
            return null;
        }
    }

    /// <summary>The id that the VM's XML brings; null: it has none, or cannot be read.</summary>
    internal Guid? FindIdInXml()
    {
        try
        {
            return Xml is { } xml && Guid.TryParse(SafeXml.Parse(xml).Element("uuid")?.Value.Trim(), out var id) ? id : null;
        }
        catch (XmlException)
        {
            // The driver is going to say so.
            return null;
        }
    }
}
