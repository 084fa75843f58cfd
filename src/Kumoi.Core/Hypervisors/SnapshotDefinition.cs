using System.Globalization;
using System.Xml;
using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>What a snapshot's XML tells (https://libvirt.org/formatsnapshot.html).</summary>
internal static class SnapshotDefinition
{
    /// <summary>The root of a snapshot's XML.</summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.Other"/>: it is no snapshot's XML.</exception>
    public static XElement Parse(string xml)
    {
        try
        {
            var root = SafeXml.Parse(xml);
            if (root.Name.LocalName is "domainsnapshot")
            {
                return root;
            }
        }
        catch (XmlException)
        {
            // It cannot be told either.
        }

        throw new HypervisorException(
            "The host told a snapshot that cannot be understood.", FaultDomain.Host, error: HypervisorError.Other,
            recommendedAction: "Look at it on the host with 'virsh snapshot-dumpxml'.");
    }

    public static SnapshotReading Read(XElement snapshot, bool isCurrent)
    {
        var state = (string?)snapshot.Element("state");
        var isLive = state is "running" or "paused" or "blocked";
        return new SnapshotReading
        {
            Name = NameOf(snapshot),
            Description = (string?)snapshot.Element("description") ?? "",
            CreatedAt = CreatedAt(snapshot),
            State = state switch
            {
                "running" or "blocked" => PowerState.Running,
                "paused" => PowerState.Paused,
                "pmsuspended" => PowerState.PMSuspended,
                "crashed" => PowerState.Crashed,
                "shutoff" or "shutdown" or "disk-snapshot" => PowerState.Shutoff,
                _ => PowerState.Unknown,
            },
            HasMemory = (string?)snapshot.Element("memory")?.Attribute("snapshot") switch
            {
                "internal" or "external" => true,
                "no" => false,
                _ => isLive,
            },
            Kind = MemoryFile(snapshot) is not null || ExternalDisks(snapshot).Any() ? SnapshotKind.External : SnapshotKind.Internal,
            Parent = (string?)snapshot.Element("parent")?.Element("name"),
            IsCurrent = isCurrent,
            IsHalfRemoved = IsHalfRemoved(snapshot),
        };
    }

    public static string NameOf(XElement snapshot) => (string?)snapshot.Element("name") ?? "";

    public static DateTimeOffset CreatedAt(XElement snapshot) => DateTimeOffset.FromUnixTimeSeconds(
        long.TryParse((string?)snapshot.Element("creationTime"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? Math.Min(seconds, DateTimeOffset.MaxValue.ToUnixTimeSeconds()) : 0);

    /// <summary>Where its memory is; null: not in a file of its own.</summary>
    public static string? MemoryFile(XElement snapshot) => (string?)snapshot.Element("memory")?.Attribute("file");

    /// <summary>Its disks that have files of their own, which take what the VM writes since.</summary>
    public static IEnumerable<XElement> ExternalDisks(XElement snapshot) => snapshot.Elements("disks").Elements("disk")
        .Where(static disk => (string?)disk.Attribute("snapshot") is "external");

    /// <summary>The disks by their names in the guest, with the file that takes what is written since; null: it is no file.</summary>
    public static IEnumerable<(string Target, string? Overlay)> Overlays(XElement snapshot) =>
        ExternalDisks(snapshot).Select(static disk => ((string?)disk.Attribute("name") ?? "", DomainCopy.ImageOf(disk)));

    /// <summary>As libvirt itself marks one whose files are being merged: what it was based on is not what it was.</summary>
    public static bool IsHalfRemoved(XElement snapshot) =>
        snapshot.Elements("disks").Elements("disk").Elements("snapshotDeleteInProgress").Any();

    public static void MarkHalfRemoved(XElement snapshot)
    {
        foreach (var disk in ExternalDisks(snapshot).Where(static disk => disk.Element("snapshotDeleteInProgress") is null))
        {
            disk.AddFirst(new XElement("snapshotDeleteInProgress"));
        }
    }

    /// <summary>The VM as it was, at its next start.</summary>
    public static XElement? DefinitionOf(XElement snapshot) => snapshot.Element("inactiveDomain") is { } inactive
        ? new XElement("domain", inactive.Attributes(), inactive.Nodes())
        : RunningOf(snapshot);

    /// <summary>The VM as it ran.</summary>
    public static XElement? RunningOf(XElement snapshot) => snapshot.Element("domain") is { } domain ? new XElement(domain) : null;

    /// <summary>The disk of a VM that is called so in its guest.</summary>
    public static XElement? DiskOf(XElement domain, string target) => domain.Elements("devices").Elements("disk")
        .FirstOrDefault(disk => string.Equals((string?)disk.Element("target")?.Attribute("dev"), target, StringComparison.Ordinal));
}
