using System.Globalization;
using System.Xml.Linq;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>Writes libvirt's domain XML for a specification (https://libvirt.org/formatdomain.html).</summary>
internal static class DomainXml
{
    /// <summary>
    /// Takes the specification's own XML: unknown elements are kept; with a name in the specification, that name replaces the
    /// XML's, and what only one VM can have goes, so that one XML serves for many VMs.
    /// </summary>
    public static XElement FromTemplate(VMSpec spec)
    {
        VMSpecCheck.Ensure(spec);
        var domain = DomainDefinition.Parse(spec.Xml!);
        if (spec.Name.Length > 0)
        {
            DomainCopy.Rename(domain, spec.Name, spec.MacAddress);
        }

        return domain;
    }

    /// <summary>Fails with <see cref="HypervisorError.InvalidSpecification"/> for what no hypervisor could accept.</summary>
    public static void Check(VMSpec spec)
    {
        VMSpecCheck.Ensure(spec);

        if (spec.CopyDisks || spec.IsTemplate)
        {
            throw Invalid("Only the disks of XML can be copied, and only of XML a template is made.");
        }

        if (spec.MemoryBytes <= 0 || spec.CpuCount <= 0)
        {
            throw Invalid("A VM needs memory and at least one CPU.");
        }

        if (spec.Disks.Any(static disk =>
            new object?[] { disk.Path, disk.NewVolumeBytes, disk.TemplatePath, disk.CopyOf, disk.Content }
                .Count(static source => source is not null) != 1 || disk.NewVolumeBytes <= 0))
        {
            throw Invalid(
                "A disk is an existing image (its path), a new volume (its size), or an overlay or a copy of an image (that image).");
        }

        if (spec.Machine is null && spec.Disks.Any(static disk => disk.IsCd))
        {
            throw Invalid("A bare VM has no drive for a CD.");
        }
    }

    /// <summary>For a specification of single settings.</summary>
    /// <param name="spec">Checked before.</param>
    /// <param name="host">What the host runs.</param>
    /// <param name="volumes">By the index of their disk: the volumes that are to be made.</param>
    public static XElement Build(VMSpec spec, HostCapabilities host, IReadOnlyDictionary<int, VolumePlan> volumes)
    {
        var isQemu = host.DomainType is "kvm" or "qemu";
        var isPC = host.Architecture is "x86_64" or "i686";
        return new XElement(
            "domain",
            new XAttribute("type", host.DomainType),
            new XElement("name", spec.Name),
            spec.Id is { } id ? new XElement("uuid", id.ToString("D")) : null,
            spec.Description is { } description ? new XElement("description", description) : null,
            new XElement("memory", new XAttribute("unit", "b"), spec.MemoryBytes),
            new XElement("vcpu", spec.CpuCount),
            OS(spec, host),
            isPC ? new XElement("features", new XElement("acpi")) : null,
            new XElement(
                "devices",
                Disks(spec, isQemu, volumes),
                spec.Networks.Select(static network => new XElement(
                    "interface",
                    new XAttribute("type", "network"),
                    new XElement("source", new XAttribute("network", network)),
                    new XElement("model", new XAttribute("type", "virtio")))),
                new XElement("controller", new XAttribute("type", "usb"), new XAttribute("model", "none")),
                new XElement("serial", new XAttribute("type", "pty")),
                new XElement("console", new XAttribute("type", "pty")),
                new XElement("video", new XElement("model", new XAttribute("type", "none")))));
    }

    /// <summary>For virStorageVolCreateXML (https://libvirt.org/formatstorage.html).</summary>
    public static string Volume(VolumePlan plan) => new XElement(
        "volume",
        new XElement("name", plan.Name),
        plan.Template is null || plan.CapacityBytes > 0
            ? new XElement("capacity", new XAttribute("unit", "bytes"), plan.CapacityBytes) : null,
        new XElement("allocation", new XAttribute("unit", "bytes"), plan.AllocationBytes),
        new XElement("target", new XElement("format", new XAttribute("type", plan.Format))),
        plan.Template is null ? null : new XElement(
            "backingStore",
            new XElement("path", plan.Template),
            new XElement("format", new XAttribute("type", plan.TemplateFormat)))).ToString();

    /// <summary>Of the image that is there, or is to be made: the VM's disk.</summary>
    public static string FormatOf(DiskSpec disk) => disk.TemplatePath is null ? FormatOf(disk, disk.Path) : "qcow2";

    /// <summary>As the name says it, where nothing else is said.</summary>
    public static string FormatOf(DiskSpec disk, string? path) =>
        disk.Format ?? (path?.EndsWith(".qcow2", StringComparison.OrdinalIgnoreCase) == true ? "qcow2" : "raw");

    public static HypervisorException Invalid(string message, Exception? inner = null) => new(
        message,
        FaultDomain.VM,
        error: HypervisorError.InvalidSpecification,
        recommendedAction: "Correct the specification.",
        innerException: inner);

    private static XElement OS(VMSpec spec, HostCapabilities host) => new(
        "os",
        new XElement("type", new XAttribute("arch", host.Architecture), host.OSType),
        spec.Kernel is null
            ? new XElement("boot", new XAttribute("dev", spec.Disks is [{ Floppy: true }, ..] ? "fd" : "hd"))
            : new XElement("kernel", spec.Kernel),
        spec.Initrd is null ? null : new XElement("initrd", spec.Initrd),
        spec.KernelArguments is null ? null : new XElement("cmdline", spec.KernelArguments));

    private static IEnumerable<XElement> Disks(VMSpec spec, bool isQemu, IReadOnlyDictionary<int, VolumePlan> volumes)
    {
        var floppies = 0;
        var disks = 0;
        for (var i = 0; i < spec.Disks.Count; i++)
        {
            var disk = spec.Disks[i];
            var path = volumes.TryGetValue(i, out var volume) ? volume.Path : disk.Path!;
            var isBlock = path.StartsWith("/dev/", StringComparison.Ordinal);
            var target = disk.Floppy ? DiskDefinition.Name("fd", floppies++) : DiskDefinition.Name("vd", disks++);
            yield return new XElement(
                "disk",
                new XAttribute("type", isBlock ? "block" : "file"),
                new XAttribute("device", disk.Floppy ? "floppy" : "disk"),
                new XElement(
                    "driver", isQemu ? new XAttribute("name", "qemu") : null, new XAttribute("type", volume?.Format ?? FormatOf(disk))),
                new XElement("source", new XAttribute(isBlock ? "dev" : "file", path)),
                new XElement("target", new XAttribute("dev", target), new XAttribute("bus", disk.Floppy ? "fdc" : "virtio")),
                disk.ReadOnly || disk.Floppy ? new XElement("readonly") : null);
        }
    }
}
