using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>Disks in domain XML (https://libvirt.org/formatdomain.html).</summary>
internal static class DiskDefinition
{
    public static IEnumerable<XElement> Of(XElement domain) => domain.Elements("devices").Elements("disk");

    public static XElement? Find(XElement domain, string target) =>
        Of(domain).FirstOrDefault(disk => string.Equals(TargetOf(disk), target, StringComparison.Ordinal));

    public static string TargetOf(XElement disk) => (string?)disk.Element("target")?.Attribute("dev") ?? "";

    public static bool IsCdDrive(XElement disk) => (string?)disk.Attribute("device") is "cdrom";

    public static DiskReading Read(XElement disk) => new()
    {
        Target = TargetOf(disk),
        Device = (string?)disk.Attribute("device") switch
        {
            null or "disk" => DiskDevice.Disk,
            "cdrom" => DiskDevice.CdDrive,
            "floppy" => DiskDevice.Floppy,
            "lun" => DiskDevice.Lun,
            _ => DiskDevice.Unknown,
        },
        Bus = (string?)disk.Element("target")?.Attribute("bus") ?? "",
        Path = DomainCopy.ImageOf(disk),
        Source = HasSource(disk) ? DomainCopy.ImageOf(disk) ?? DomainCopy.Describe(disk) : null,
        Format = (string?)disk.Element("driver")?.Attribute("type") ?? "",
        IsReadOnly = disk.Element("readonly") is not null || IsCdDrive(disk),
        IsShareable = disk.Element("shareable") is not null,
        Cache = Enum.TryParse<DiskCache>((string?)disk.Element("driver")?.Attribute("cache"), ignoreCase: true, out var cache)
            ? cache : DiskCache.Default,
        Io = Enum.TryParse<DiskIo>(
            ((string?)disk.Element("driver")?.Attribute("io"))?.Replace("_", "", StringComparison.Ordinal), ignoreCase: true, out var io)
            ? io : DiskIo.Default,
        Discard = Enum.TryParse<DiskDiscard>((string?)disk.Element("driver")?.Attribute("discard"), ignoreCase: true, out var discard)
            ? discard : DiskDiscard.Default,
        Limits = DiskLimits.Of(disk),
    };

    /// <summary>libvirt gives an empty drive a source without anything in it, while the VM runs.</summary>
    private static bool HasSource(XElement disk) => disk.Element("source") is { } source
        && (source.HasElements
            || source.Attributes().Any(static attribute => attribute.Name.LocalName is not ("index" or "startupPolicy")));

    /// <summary>A disk with an image, under the first name that none of these domains has.</summary>
    public static XElement Build(DiskAddition addition, string path, string format, bool isQemu, IEnumerable<XElement> domains)
    {
        var isBlock = path.StartsWith("/dev/", StringComparison.Ordinal);
        return new XElement(
            "disk",
            new XAttribute("type", isBlock ? "block" : "file"),
            new XAttribute("device", "disk"),
            new XElement("driver", isQemu ? new XAttribute("name", "qemu") : null, new XAttribute("type", format)),
            new XElement("source", new XAttribute(isBlock ? "dev" : "file", path)),
            new XElement(
                "target",
                new XAttribute("dev", FreeTarget(addition.Bus is DiskBus.Virtio ? "vd" : "sd", domains)),
                new XAttribute("bus", addition.Bus switch
                {
                    DiskBus.Scsi => "scsi",
                    DiskBus.Sata => "sata",
                    DiskBus.Usb => "usb",
                    _ => "virtio",
                })),
            addition.IsReadOnly ? new XElement("readonly") : null);
    }

    public static string FormatOf(DiskAddition addition) => addition.Format
        ?? (addition.Path is null || addition.Path.EndsWith(".qcow2", StringComparison.OrdinalIgnoreCase) ? "qcow2" : "raw");

    /// <summary>The drive with another disc, or with none.</summary>
    public static XElement WithDisc(XElement drive, string? path)
    {
        var changed = new XElement(drive);
        foreach (var part in (string[])["source", "backingStore", "mirror", "alias"])
        {
            changed.Elements(part).Remove();
        }

        if (path is not null)
        {
            var isBlock = path.StartsWith("/dev/", StringComparison.Ordinal);
            changed.SetAttributeValue("type", isBlock ? "block" : "file");
            changed.Element("driver")?.SetAttributeValue("type", "raw");
            changed.AddFirst(new XElement("source", new XAttribute(isBlock ? "dev" : "file", path)));
        }

        return changed;
    }

    /// <summary>The CD drive that is meant.</summary>
    /// <exception cref="HypervisorException">Of domain VM: there is none, or there are several.</exception>
    public static XElement CdDrive(XElement domain, string? target)
    {
        var vm = (string?)domain.Element("name");
        var drives = Of(domain).Where(IsCdDrive).ToList();
        var meant = target is null ? drives : drives.Where(drive => TargetOf(drive) == target).ToList();
        return meant switch
        {
            [var one] => one,
            [] when target is not null => throw NoDisk($"'{vm}' has no CD drive '{target}'."),
            [] => throw NoDisk($"'{vm}' has no CD drive."),
            _ => throw new HypervisorException(
                $"'{vm}' has several CD drives: {string.Join(", ", drives.Select(TargetOf))}.", FaultDomain.VM,
                error: HypervisorError.InvalidSpecification, recommendedAction: "Say which with -Target."),
        };
    }

    /// <summary>Fails unless it is the disk that was meant.</summary>
    /// <exception cref="HypervisorException">Of domain VM: the VM has no such disk, or another image is in it by now.</exception>
    public static void EnsureIs(XElement? disk, string vm, string target, string? path)
    {
        if (disk is null)
        {
            throw NoDisk($"'{vm}' has no disk '{target}'.");
        }

        if (DomainCopy.ImageOf(disk) != path)
        {
            throw new HypervisorException(
                $"The disk '{target}' of '{vm}' is another one by now: '{DomainCopy.ImageOf(disk)}', not '{path}'.", FaultDomain.VM,
                error: HypervisorError.InvalidState, recommendedAction: "Read the disks again with Get-KumoiDisk.");
        }
    }

    public static HypervisorException NoDisk(string message) => new(
        message, FaultDomain.VM, error: HypervisorError.DiskNotFound, recommendedAction: "Get-KumoiDisk lists the disks of the VM.");

    /// <summary>For what cannot be changed while the VM runs.</summary>
    public static HypervisorException RunsWith(string vm, string target) => new(
        $"The disk '{target}' of '{vm}' is in use: its cache, how it is read and written, and whether it is read-only, are changed of a VM "
            + "that is off.",
        FaultDomain.VM, error: HypervisorError.InvalidState,
        recommendedAction: "Stop the VM with Stop-KumoiVM, set it, and start the VM again. Limits are set while it runs, too.");

    public static HypervisorException Shrinks(string vm, string target, long now, long wanted) => new(
        $"The disk '{target}' of '{vm}' has {now} bytes, and cannot become {wanted}: what is at its end would be lost.", FaultDomain.VM,
        error: HypervisorError.InvalidSpecification,
        recommendedAction: "Give more than it has. To make it smaller, copy what is on it to another.");

    /// <summary>The first name that no disk of these domains has.</summary>
    public static string FreeTarget(string prefix, IEnumerable<XElement> domains)
    {
        var taken = domains.SelectMany(Of).Select(TargetOf).ToHashSet(StringComparer.Ordinal);
        return Enumerable.Range(0, taken.Count + 1).Select(index => Name(prefix, index)).First(name => !taken.Contains(name));
    }

    /// <summary>vda, vdb, … vdz, vdaa, …</summary>
    public static string Name(string prefix, int index)
    {
        var letters = "";
        for (var left = index; left >= 0; left = (left / 26) - 1)
        {
            letters = (char)('a' + (left % 26)) + letters;
        }

        return prefix + letters;
    }
}
