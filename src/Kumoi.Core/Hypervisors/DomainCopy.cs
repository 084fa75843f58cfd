using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>
/// What makes a copied definition a VM of its own, and which of its disks it cannot share (https://libvirt.org/formatdomain.html).
/// </summary>
internal static class DomainCopy
{
    private const string SeedInfix = "-seed-";
    private const string SeedEnding = ".iso";
    private const int SeedDigits = 8;

    /// <summary>
    /// Gives the domain another name, and takes out what only one VM can have: the hypervisor chooses it anew. That is its ids, the
    /// addresses of its network interfaces and their names on the host, the ports and sockets of its screens and channels, and the file of
    /// its firmware's variables, which begins from the template again. The disc with which the other one first started is taken out. Files
    /// that its serial ports write get the new name in theirs.
    /// </summary>
    /// <param name="domain">Is changed.</param>
    /// <param name="name">Its own.</param>
    /// <param name="macAddress">Of its first network interface; null: chosen anew as all others.</param>
    public static void Rename(XElement domain, string name, string? macAddress = null)
    {
        var oldName = domain.Element("name")?.Value ?? "";
        domain.SetElementValue("name", name);
        RemoveIds(domain);
        RemoveNvram(domain);
        EjectSeeds(domain);
        foreach (var device in domain.Elements("devices").Elements())
        {
            switch (device.Name.LocalName)
            {
                case "interface":
                    RemoveAddresses(device);
                    break;
                case "graphics":
                    RemovePorts(device);
                    break;
                case "serial" or "parallel" or "console" or "channel":
                    RenameFiles(device, oldName, name);
                    break;
                case "vsock":
                    device.Elements("cid").Attributes("address").Remove();
                    device.Element("cid")?.SetAttributeValue("auto", "yes");
                    break;
            }
        }

        if (macAddress is not null && AdapterDefinition.Of(domain).FirstOrDefault() is { } first)
        {
            first.AddFirst(new XElement("mac", new XAttribute("address", macAddress)));
        }
    }

    /// <summary>The disks that the VM writes to and shares with nobody: two VMs with one of them would destroy it.</summary>
    public static IEnumerable<XElement> WritableDisks(XElement domain) =>
        from disk in domain.Elements("devices").Elements("disk")
        where (string?)disk.Attribute("device") is not ("cdrom" or "floppy")
        where disk.Element("readonly") is null && disk.Element("shareable") is null
        select disk;

    /// <summary>The path of a disk's file or block device, on its host; null for a disk of another kind.</summary>
    public static string? ImageOf(XElement disk) => (string?)ImageAttribute(disk);

    /// <summary>What a disk's source is, without secrets: its kind, and the image's name where it has one.</summary>
    public static string Describe(XElement disk)
    {
        var source = disk.Element("source");
        var name = (string?)source?.Attribute("name") ?? (string?)source?.Attribute("dir") ?? (string?)source?.Attribute("volume")
            ?? ImageOf(disk);
        var protocol = (string?)source?.Attribute("protocol") ?? (string?)source?.Attribute("pool");
        return name is null
            ? $"a disk of type '{(string?)disk.Attribute("type")}'" : protocol is null ? $"'{name}'" : $"'{protocol}:{name}'";
    }

    /// <summary>Lets the disk be another file or block device, which stands for itself: a full copy needs no backing files.</summary>
    public static void SetImage(XElement disk, string path)
    {
        ImageAttribute(disk)!.Value = path;
        disk.Elements("backingStore").Remove();
        disk.Elements("mirror").Remove();
    }

    /// <summary>Of what format the image of a disk is.</summary>
    public static void SetFormat(XElement disk, string format)
    {
        if (disk.Element("driver") is not { } driver)
        {
            disk.AddFirst(driver = new XElement("driver"));
        }

        driver.SetAttributeValue("type", format);
    }

    /// <summary>Lets the disk be another image, of whatever kind.</summary>
    public static void Redirect(XElement disk, string path, string format)
    {
        var isBlock = path.StartsWith("/dev/", StringComparison.Ordinal);
        disk.SetAttributeValue("type", isBlock ? "block" : "file");
        var source = disk.Element("source")!;
        source.Attributes("file").Remove();
        source.Attributes("dev").Remove();
        source.SetAttributeValue(isBlock ? "dev" : "file", path);
        disk.Elements("backingStore").Remove();
        disk.Elements("mirror").Remove();
        SetFormat(disk, format);
    }

    /// <summary>For a disk on which no other can be built: <see cref="HypervisorError.InvalidSpecification"/>.</summary>
    public static HypervisorException CannotLink(XElement disk, string pool) => new(
        $"Nothing can be built on the disk '{(string?)disk.Element("target")?.Attribute("dev")}': its storage pool '{pool}' has no files.",
        FaultDomain.VM, error: HypervisorError.InvalidSpecification, recommendedAction: "Make a full copy: leave out -Linked.");

    /// <summary>The name of the so-manieth copied disk, from 1 on, of a VM.</summary>
    public static string DiskName(string vm, int number) => FormattableString.Invariant($"{vm}-{number}");

    /// <summary>The name of the volume with which a VM first starts, which the operation has made for it.</summary>
    public static string SeedName(string vm, OperationId operation) =>
        $"{vm}{SeedInfix}{operation.Value.ToString("N")[..SeedDigits]}{SeedEnding}";

    /// <summary>Whether an image has the name of such a volume.</summary>
    public static bool IsSeed(string path)
    {
        var at = path.LastIndexOf(SeedInfix, StringComparison.Ordinal);
        return at >= 0 && path.EndsWith(SeedEnding, StringComparison.Ordinal)
            && path[(at + SeedInfix.Length)..^SeedEnding.Length] is { Length: SeedDigits } digits && digits.All(char.IsAsciiHexDigitLower);
    }

    /// <summary>For a disk that cannot be copied: <see cref="HypervisorError.InvalidSpecification"/>.</summary>
    public static HypervisorException CannotCopy(XElement disk, string why) => new(
        $"The disk '{(string?)disk.Element("target")?.Attribute("dev")}' cannot be copied: {why}.",
        FaultDomain.VM,
        error: HypervisorError.InvalidSpecification,
        recommendedAction: "Put its image into a storage pool of the host (after copying a file there: 'virsh pool-refresh'), or make "
            + "the disk read-only or "
            + "shareable in the XML.");

    private static XAttribute? ImageAttribute(XElement disk) =>
        disk.Element("source")?.Attribute("file") ?? disk.Element("source")?.Attribute("dev");

    private static void RemoveIds(XElement domain)
    {
        domain.Elements("uuid").Remove();
        domain.Elements("sysinfo").Elements("system").Elements("entry")
            .Where(static entry => string.Equals((string?)entry.Attribute("name"), "uuid", StringComparison.Ordinal)).Remove();
        domain.Element("genid")?.RemoveNodes();
    }

    private static void EjectSeeds(XElement domain)
    {
        foreach (var disk in domain.Elements("devices").Elements("disk").Where(DiskDefinition.IsCdDrive).ToList())
        {
            if (ImageOf(disk) is { } path && IsSeed(path))
            {
                disk.ReplaceWith(DiskDefinition.WithDisc(disk, path: null));
            }
        }
    }

    private static void RemoveNvram(XElement domain)
    {
        foreach (var nvram in domain.Elements("os").Elements("nvram").ToList())
        {
            nvram.RemoveNodes();
            nvram.Attribute("type")?.Remove();
            if (!nvram.HasAttributes)
            {
                nvram.Remove();
            }
        }
    }

    private static void RemoveAddresses(XElement nic)
    {
        nic.Elements("mac").Remove();

        // A device that somebody else made ahead cannot be chosen anew.
        nic.Elements("target").Where(static target => !string.Equals((string?)target.Attribute("managed"), "no", StringComparison.Ordinal))
            .Remove();
        nic.Elements("virtualport").Where(
            static port => string.Equals((string?)port.Attribute("type"), "openvswitch", StringComparison.Ordinal))
            .Elements("parameters").Attributes("interfaceid").Remove();
    }

    private static void RemovePorts(XElement graphics)
    {
        // -1: chosen when it starts. With autoport, spice would also listen where it did not.
        var isSpice = string.Equals((string?)graphics.Attribute("type"), "spice", StringComparison.Ordinal);
        foreach (var port in graphics.Attributes().Where(static attribute => attribute.Name.LocalName is "port" or "tlsPort" or "websocket")
            .ToList())
        {
            port.Value = "-1";
            if (!isSpice && string.Equals(port.Name.LocalName, "port", StringComparison.Ordinal))
            {
                graphics.SetAttributeValue("autoport", "yes");
            }
        }

        if (graphics.Attribute("socket") is { } socket)
        {
            socket.Remove();
            if (graphics.Element("listen") is null)
            {
                graphics.Add(new XElement("listen", new XAttribute("type", "socket"))); // else it would listen on the network
            }
        }

        graphics.Elements("listen").Attributes("socket").Remove();
    }

    private static void RenameFiles(XElement device, string oldName, string name)
    {
        var isFile = string.Equals((string?)device.Attribute("type"), "file", StringComparison.Ordinal);
        var isSocket = string.Equals((string?)device.Attribute("type"), "unix", StringComparison.Ordinal)
            && !string.Equals((string?)device.Element("source")?.Attribute("mode"), "connect", StringComparison.Ordinal);
        var isVirtio = string.Equals((string?)device.Element("target")?.Attribute("type"), "virtio", StringComparison.Ordinal);
        if (isSocket && isVirtio)
        {
            device.Elements("source").Attributes("path").Remove();
        }
        else if (isFile || isSocket)
        {
            Rename(device.Element("source")?.Attribute("path"));
        }

        Rename(device.Element("log")?.Attribute("file"));

        void Rename(XAttribute? path)
        {
            if (path is not null)
            {
                path.Value = OwnPath(path.Value, oldName, name);
            }
        }
    }

    /// <summary>
    /// In the same directory, the file of another VM: /logs/web.log → /logs/web2.log, /logs/serial.log → /logs/web2-serial.log.
    /// </summary>
    private static string OwnPath(string path, string oldName, string name)
    {
        var start = path.LastIndexOf('/') + 1;
        var file = path[start..];
        var isNamedAfterVM = oldName.Length > 0 && file.StartsWith(oldName, StringComparison.Ordinal)
            && (file.Length == oldName.Length || !char.IsLetterOrDigit(file[oldName.Length]));
        return path[..start] + name + (isNamedAfterVM ? file[oldName.Length..] : "-" + file);
    }
}
