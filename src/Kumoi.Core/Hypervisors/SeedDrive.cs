using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>Puts the disc with which a guest first starts into a definition that was copied.</summary>
internal static class SeedDrive
{
    /// <summary>Into the first empty CD drive, or into a new one, where the system of the copied VM looks for such.</summary>
    public static void Insert(XElement domain, string path)
    {
        var empty = DiskDefinition.Of(domain).FirstOrDefault(
            static drive => DiskDefinition.IsCdDrive(drive) && drive.Element("source") is null);
        var drive = empty is null ? New(domain) : DiskDefinition.WithDisc(empty, path);
        if (empty is null)
        {
            drive.AddFirst(new XElement("source", new XAttribute("file", path)));
            DevicesOf(domain).Add(drive);
        }
        else
        {
            empty.ReplaceWith(drive);
        }

        // It is read once: the VM may go where it is not.
        drive.Element("source")!.SetAttributeValue("startupPolicy", "optional");
    }

    private static XElement New(XElement domain)
    {
        var hasScsi = domain.Elements("devices").Elements("controller").Any(static controller =>
            (string?)controller.Attribute("type") is "scsi" && ((string?)controller.Attribute("model"))?.StartsWith(
                "virtio-scsi", StringComparison.Ordinal) == true);
        var isPciExpress = ((string?)domain.Elements("os").Elements("type").FirstOrDefault()?.Attribute("machine"))?.Contains(
            "q35", StringComparison.Ordinal) == true;
        var bus = hasScsi ? "scsi" : isPciExpress ? "sata" : "ide";
        return new XElement(
            "disk",
            new XAttribute("type", "file"),
            new XAttribute("device", "cdrom"),
            new XElement("driver", new XAttribute("type", "raw")),
            new XElement(
                "target",
                new XAttribute("dev", DiskDefinition.FreeTarget(bus is "ide" ? "hd" : "sd", [domain])),
                new XAttribute("bus", bus)),
            new XElement("readonly"));
    }

    private static XElement DevicesOf(XElement domain)
    {
        if (domain.Element("devices") is not { } devices)
        {
            domain.Add(devices = new XElement("devices"));
        }

        return devices;
    }
}
