using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Hypervisors.Libvirt.Snapshots;

/// <summary>
/// How a snapshot of a VM is made (https://libvirt.org/formatsnapshot.html). Within the images, wherever they can keep it: all of it is in
/// one place then, and goes when the image goes. In files of its own, where they cannot: disks that are not qcow2; disks without memory
/// while the VM runs; firmware with variables; memory of a VM without disks.
/// </summary>
/// <param name="Description">For the hypervisor.</param>
/// <param name="Kind">Where it will be.</param>
internal sealed record SnapshotPlan(XElement Description, SnapshotKind Kind)
{
    /// <summary>How a snapshot of this VM is made.</summary>
    /// <param name="domain">The VM as it is now.</param>
    /// <param name="call">What is asked for.</param>
    /// <param name="isActive">It is not off.</param>
    /// <param name="poolDirectories">Of the host's active storage pools: only what is there can be found again, and be removed.</param>
    /// <exception cref="HypervisorException">Of domain VM: it cannot be made so.</exception>
    public static SnapshotPlan Make(XElement domain, CreateSnapshot call, bool isActive, IReadOnlyCollection<string> poolDirectories)
    {
        var vm = (string?)domain.Element("name") ?? "";
        var written = DomainCopy.WritableDisks(domain).Where(static disk => disk.Element("source") is not null).ToList();
        if (written.Count == 0 && !call.WithMemory)
        {
            throw Refuse(
                $"'{vm}' has no disk that it writes to, so that without its memory there is nothing to keep.",
                "Use -WithMemory while it runs.");
        }

        var kind = written.Count > 0 && (!isActive || call.WithMemory) && CanKeepWithin(domain, written)
            ? SnapshotKind.Internal : SnapshotKind.External;
        var mark = SnapshotFileNames.MarkOf(call.Operation);
        var disks = domain.Elements("devices").Elements("disk")
            .Where(static disk => disk.Element("target")?.Attribute("dev") is not null)
            .Select(disk =>
            {
                object[] how = !written.Contains(disk) ? [new XAttribute("snapshot", "no")]
                    : kind is SnapshotKind.Internal ? [new XAttribute("snapshot", "internal")]
                    :
                    [
                        new XAttribute("snapshot", "external"),
                        new XElement("driver", new XAttribute("type", "qcow2")),
                        new XElement("source", new XAttribute("file", SnapshotFileNames.OverlayOf(disk, mark, vm, poolDirectories))),
                    ];
                return new XElement("disk", new XAttribute("name", (string)disk.Element("target")!.Attribute("dev")!), how);
            })
            .ToList();
        object[] memory = !call.WithMemory ? [new XAttribute("snapshot", "no")] : kind is SnapshotKind.Internal
            ? [new XAttribute("snapshot", "internal")]
            :
            [
                new XAttribute("snapshot", "external"),
                new XAttribute("file", SnapshotFileNames.MemoryOf(written, mark, vm, poolDirectories)),
            ];
        return new SnapshotPlan(
            new XElement(
                "domainsnapshot",
                new XElement("name", call.SnapshotName),
                call.Description.Length > 0 ? new XElement("description", call.Description) : null,
                new XElement("memory", memory),
                new XElement("disks", disks)),
            kind);
    }

    /// <summary>Whether the images keep what is written to the VM's disks, all of it.</summary>
    private static bool CanKeepWithin(XElement domain, List<XElement> written) =>
        written.TrueForAll(static disk => (string?)disk.Element("driver")?.Attribute("type") is "qcow2")
        && !domain.Elements("devices").Elements("disk").Elements("shareable").Any()
        && domain.Element("os") is { } os && os.Element("nvram") is null
        && (string?)os.Element("loader")?.Attribute("type") is not "pflash" && (string?)os.Attribute("firmware") is not "efi";

    private static HypervisorException Refuse(string message, string action) =>
        new(message, FaultDomain.VM, error: HypervisorError.NotSupported, recommendedAction: action);
}
