using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;
using Kumoi.Hypervisors;

namespace Kumoi.Exports;

/// <summary>
/// Reads OVF (DSP0243, https://www.dmtf.org/standards/ovf), of one VM. Elements and attributes are found by their names, whatever their
/// namespaces: each version of the standard has its own.
/// </summary>
internal static partial class OvfEnvelope
{
    private const long MaxBytes = 1L << 46; // 64 TiB
    private const int MostOfAKind = 256;

    // Kinds of hardware (CIM_ResourceAllocationSettingData.ResourceType) that are taken over, and that say nothing that is missed here.
    private const int Cpu = 3;
    private const int Memory = 4;
    private const int Card = 10;
    private const int Disk = 17;
    private static readonly int[] Silent = [0, 1, 5, 6, 20, 23, 24]; // controllers, screens, and what makers add

    // Kinds of systems (CIM_OperatingSystem.OSType).
    private static readonly int[] Windows = [15, 16, 17, 18, 19, 58, 62, 63, 67, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 103, 104, 105];

    /// <summary>Reads it.</summary>
    /// <param name="xml">The OVF.</param>
    /// <param name="file">Its name, for errors.</param>
    /// <exception cref="HypervisorException">InvalidSpecification: it is no OVF, or not of one VM, or lacks what a VM needs.</exception>
    public static OvfMachine Read(string xml, string file)
    {
        XElement envelope;
        try
        {
            envelope = SafeXml.Parse(xml);
        }
        catch (XmlException e)
        {
            throw Broken(file, e.Message, e);
        }

        if (envelope.Name.LocalName is not "Envelope")
        {
            throw Broken(file, $"its root is <{envelope.Name.LocalName}>");
        }

        var systems = envelope.Descendants().Where(static element => element.Name.LocalName is "VirtualSystem").ToList();
        if (systems.Count != 1)
        {
            throw ExportErrors.Refuse(
                $"'{Visible.Text(file)}' describes {systems.Count} VMs: one is imported.", "Export each VM alone.");
        }

        List<string> warnings = [];
        var system = systems[0];
        var items = Items(envelope, system, warnings);
        var machine = new OvfMachine
        {
            Name = NameOf(system),
            CpuCount = items.Where(static item => item.Kind == Cpu).Select(static item => Number(item.Element, "VirtualQuantity"))
                .Max() ?? 1,
            MemoryBytes = items.Where(static item => item.Kind == Memory).Select(item => (long?)Bytes(item.Element, file)).Max() ?? 0,
            Firmware = FirmwareOf(system),
            IsWindows = IsWindows(system),
            Disks = [.. items.Where(static item => item.Kind == Disk).Select(item => DiskOf(envelope, item.Element, file))],
            Networks = [.. items.Where(static item => item.Kind == Card).Select(item => Text(item.Element, "Connection") ?? "")],
            Warnings = warnings,
        };
        if (machine.MemoryBytes <= 0 || machine.CpuCount is <= 0 or > 4096)
        {
            throw Broken(file, "it does not say how much memory the VM has, or how many CPUs");
        }

        if (machine.Disks.Count > MostOfAKind || machine.Networks.Count > MostOfAKind)
        {
            throw Broken(file, $"it has more than {MostOfAKind} disks or network cards");
        }

        foreach (var other in items.Where(static item => item.Kind is not (Cpu or Memory or Card or Disk) && !Silent.Contains(item.Kind)))
        {
            warnings.Add($"The VM comes without '{Visible.Text(Text(other.Element, "ElementName") ?? "a device")}' (kind {other.Kind}).");
        }

        if (machine.IsWindows is null)
        {
            warnings.Add("Which system the guest has is not known: its disks and cards are virtio's, for which it needs drivers.");
        }

        return machine;
    }

    private static List<(int Kind, XElement Element)> Items(XElement envelope, XElement system, List<string> warnings)
    {
        var wanted = envelope.Elements().FirstOrDefault(static one => one.Name.LocalName is "DeploymentOptionSection")?.Elements()
            .Where(static one => one.Name.LocalName is "Configuration").ToList() ?? [];
        var chosen = Attribute(
            wanted.FirstOrDefault(static one => Attribute(one, "default") is "true" or "1") ?? wanted.FirstOrDefault(), "id");
        if (wanted.Count > 1)
        {
            warnings.Add($"Of {wanted.Count} sizes that the OVF offers it is made in '{Visible.Text(chosen)}'.");
        }

        return
        [
            .. system.Elements().Where(static one => one.Name.LocalName is "VirtualHardwareSection").Take(1).Elements()
                .Where(static one => one.Name.LocalName is "Item" or "StorageItem" or "EthernetPortItem")
                .Where(one => Attribute(one, "bound") is null
                    && (Attribute(one, "configuration") is not { } of || of.Split(' ').Contains(chosen)))
                .Select(static one => (Number(one, "ResourceType") ?? 0, one)),
        ];
    }

    private static string? NameOf(XElement system) =>
        (Text(system, "Name") ?? Attribute(system, "id"))?.Trim() is { Length: > 0 } name ? name : null;

    private static OvfMachine.Disk DiskOf(XElement envelope, XElement item, string file)
    {
        var resource = Text(item, "HostResource") ?? "";
        var id = resource[(resource.LastIndexOf('/') + 1)..];
        var disk = In(envelope, "DiskSection", "Disk").FirstOrDefault(one => Attribute(one, "diskId") == id)
            ?? throw Broken(file, $"it has no disk '{Visible.Text(id)}', which its VM has");
        if (Attribute(disk, "parentRef") is { Length: > 0 })
        {
            throw ExportErrors.Refuse(
                $"The disk '{Visible.Text(id)}' is built on another one.", "Export the VM again with whole disks.");
        }

        if (!BigInteger.TryParse(Attribute(disk, "capacity"), NumberStyles.None, CultureInfo.InvariantCulture, out var capacity))
        {
            throw Broken(file, $"it does not say how big the disk '{Visible.Text(id)}' is");
        }

        var bytes = capacity * UnitOf(Attribute(disk, "capacityAllocationUnits") ?? "byte", file);
        if (bytes <= 0 || bytes > MaxBytes)
        {
            throw Broken(file, $"the disk '{Visible.Text(id)}' would have {bytes} bytes");
        }

        if (Attribute(disk, "fileRef") is not { Length: > 0 } reference)
        {
            return new OvfMachine.Disk(id, null, null, (long)bytes, "");
        }

        var source = In(envelope, "References", "File").FirstOrDefault(one => Attribute(one, "id") == reference)
            ?? throw Broken(file, $"it has no file '{Visible.Text(reference)}', which the disk '{Visible.Text(id)}' is in");
        if (Attribute(source, "compression") is { Length: > 0 } compression and not "identity")
        {
            throw ExportErrors.Refuse(
                $"The file of the disk '{Visible.Text(id)}' is compressed ({Visible.Text(compression)}).",
                "Unpack it, and say so in the OVF.");
        }

        if (Attribute(source, "chunkSize") is not null)
        {
            throw ExportErrors.Refuse(
                $"The disk '{Visible.Text(id)}' is in several files.", "Export the VM again with each disk in one file.");
        }

        return new OvfMachine.Disk(
            id, Uri.UnescapeDataString(Attribute(source, "href") ?? ""),
            long.TryParse(Attribute(source, "size"), NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : null,
            (long)bytes, Attribute(disk, "format") ?? "");
    }

    private static IEnumerable<XElement> In(XElement envelope, string section, string name) =>
        envelope.Elements().Where(one => one.Name.LocalName == section).Elements().Where(one => one.Name.LocalName == name);

    private static long Bytes(XElement memory, string file)
    {
        var bytes = (Whole(memory, "VirtualQuantity") ?? 0) * UnitOf(Text(memory, "AllocationUnits") ?? "byte * 2^20", file);
        return bytes <= MaxBytes ? (long)bytes : throw Broken(file, $"it says {bytes} bytes of memory");
    }

    /// <summary>"byte * 2^20", "KiloBytes", "MB": in bytes.</summary>
    private static BigInteger UnitOf(string unit, string file)
    {
        if (Power().Match(unit) is { Success: true } power)
        {
            var (number, exponent) = (int.Parse(power.Groups["base"].Value, CultureInfo.InvariantCulture),
                int.Parse(power.Groups["exponent"].Value, CultureInfo.InvariantCulture));
            return BigInteger.Pow(number, exponent);
        }

        return unit.Trim().ToUpperInvariant() switch
        {
            "BYTE" or "BYTES" or "" => 1,
            "KB" or "KILOBYTES" or "KILOBYTE" => 1 << 10,
            "MB" or "MEGABYTES" or "MEGABYTE" => 1 << 20,
            "GB" or "GIGABYTES" or "GIGABYTE" => 1 << 30,
            _ => throw Broken(file, $"it counts in '{Visible.Text(unit)}', which nobody knows"),
        };
    }

    private static FirmwareKind FirmwareOf(XElement system)
    {
        var settings = system.Descendants().Where(static one => one.Name.LocalName is "Config" or "ExtraConfig" or "Firmware").ToList();
        string? Of(string key) => settings.Where(one => Attribute(one, "key") == key).Select(static one => Attribute(one, "value"))
            .FirstOrDefault(static value => value is not null);
        if (Of("uefi.secureBoot.enabled") is "true" || Of("bootOptions.efiSecureBootEnabled") is "true")
        {
            return FirmwareKind.SecureBoot;
        }

        // VirtualBox's own element has a type.
        var said = Of("firmware") ?? settings.Where(static one => one.Name.LocalName is "Firmware")
            .Select(static one => Attribute(one, "type")).FirstOrDefault();
        return said?.ToUpperInvariant() switch
        {
            null => FirmwareKind.Bios, // OVFs of times and makers that know nothing else
            "BIOS" => FirmwareKind.Bios,
            _ => FirmwareKind.Uefi,
        };
    }

    private static bool? IsWindows(XElement system)
    {
        if (system.Elements().FirstOrDefault(static one => one.Name.LocalName is "OperatingSystemSection") is not { } section)
        {
            return null;
        }

        var text = $"{Attribute(section, "osType")} {Text(section, "Description")} {Text(section, "OSType")}";
        var number = int.TryParse(Attribute(section, "id"), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0;
        return text.Contains("windows", StringComparison.OrdinalIgnoreCase) || Windows.Contains(number) ? true
            : number is 0 or 1 or 102 && text.Trim().Length == 0 ? null : false;
    }

    private static BigInteger? Whole(XElement element, string name) =>
        BigInteger.TryParse(Text(element, name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= MaxBytes
            ? number : null;

    private static int? Number(XElement element, string name) =>
        Whole(element, name) is { } number ? (int)BigInteger.Min(number, int.MaxValue) : null;

    private static string? Text(XElement element, string name) =>
        element.Elements().FirstOrDefault(one => one.Name.LocalName == name)?.Value.Trim();

    private static string? Attribute(XElement? element, string name) =>
        element?.Attributes().FirstOrDefault(one => !one.IsNamespaceDeclaration && one.Name.LocalName == name)?.Value;

    private static HypervisorException Broken(string file, string why, Exception? inner = null) => ExportErrors.Refuse(
        $"'{Visible.Text(file)}' cannot be imported: {why.TrimEnd('.')}.", "Export the VM again, or correct the OVF (DSP0243).", inner);

    [GeneratedRegex(
        @"^\s*byte\s*\*\s*(?<base>2|10)\s*\^\s*(?<exponent>\d{1,2})\s*$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant
        | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Power();
}
