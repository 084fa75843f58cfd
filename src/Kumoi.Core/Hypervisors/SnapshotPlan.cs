using System.Text.RegularExpressions;
using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Hypervisors;

/// <summary>
/// How a snapshot of a VM is made (https://libvirt.org/formatsnapshot.html). Within the images, wherever they can keep it: all of it is in
/// one place then, and goes when the image goes. In files of its own, where they cannot: disks that are not qcow2; disks without memory
/// while the VM runs; firmware with variables; memory of a VM without disks.
/// </summary>
/// <param name="Description">For the hypervisor.</param>
/// <param name="Kind">Where it will be.</param>
internal sealed partial record SnapshotPlan(XElement Description, SnapshotKind Kind)
{
    private const int MaxStemLength = 180; // a file's name has at most 255 bytes, of which a character may need 4

    /// <summary>What its files have in their names.</summary>
    private const string Mark = ".kumoi-";

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
        var mark = MarkOf(call.Operation);
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
                        new XElement("source", new XAttribute("file", OverlayOf(disk, mark, vm, poolDirectories))),
                    ];
                return new XElement("disk", new XAttribute("name", (string)disk.Element("target")!.Attribute("dev")!), how);
            })
            .ToList();
        object[] memory = !call.WithMemory ? [new XAttribute("snapshot", "no")] : kind is SnapshotKind.Internal
            ? [new XAttribute("snapshot", "internal")]
            :
            [
                new XAttribute("snapshot", "external"),
                new XAttribute("file", $"{MemoryDirectory(written, vm, poolDirectories)}/{Stem(vm)}{mark}.memory"),
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

    /// <summary>A new file next to the disk's image, for what the VM writes from now on.</summary>
    public static string OverlayOf(XElement disk, string mark, string vm, IReadOnlyCollection<string> poolDirectories)
    {
        var target = (string?)disk.Element("target")?.Attribute("dev");
        if (disk.Element("source")?.Attribute("file") is not { Value: var image })
        {
            throw Refuse(
                $"The disk '{target}' of '{vm}' is {DomainCopy.Describe(disk)}: a snapshot beside it needs an image that is a file.",
                "Where all disks are qcow2, a snapshot of the VM while it is off, or one with -WithMemory, is kept within the images.");
        }

        var directory = ImagePath.DirectoryOf(image);
        if (!poolDirectories.Contains(directory))
        {
            throw Refuse(
                $"'{image}', the disk '{target}' of '{vm}', is in no active storage pool: nobody could remove the snapshot's files there.",
                $"Make a storage pool of the directory '{directory}', and start it ('virsh pool-create-as').");
        }

        return $"{directory}/{Stem(image[(image.LastIndexOf('/') + 1)..])}{mark}-{target}.qcow2";
    }

    /// <summary>A mark for files that are made for this operation.</summary>
    public static string MarkOf(OperationId operation) => Mark + operation.Value.ToString("N")[..12];

    /// <summary>It was made for a snapshot, or to go back to one.</summary>
    public static bool BearsMark(string path) => MarkedEnd().IsMatch(path);

    private static string MemoryDirectory(List<XElement> written, string vm, IReadOnlyCollection<string> poolDirectories)
    {
        var own = written.Select(static disk => (string?)disk.Element("source")?.Attribute("file")).OfType<string>().Select(ImagePath.DirectoryOf);
        return own.Concat(poolDirectories.Order(StringComparer.Ordinal)).FirstOrDefault(poolDirectories.Contains) ?? throw Refuse(
            $"No active storage pool has a directory for the memory of '{vm}'.", "Make one and start it ('virsh pool-create-as').");
    }

    /// <summary>A file's name without what earlier snapshots have added, and without its format.</summary>
    private static string Stem(string name)
    {
        name = MarkedEnd().Replace(name, "");
        var dot = name.LastIndexOf('.');
        name = dot > 0 ? name[..dot] : name;
        while (System.Text.Encoding.UTF8.GetByteCount(name) > MaxStemLength)
        {
            name = name[..^(char.IsLowSurrogate(name[^1]) ? 2 : 1)];
        }

        return name;
    }

    private static HypervisorException Refuse(string message, string action) =>
        new(message, FaultDomain.VM, error: HypervisorError.NotSupported, recommendedAction: action);

    [GeneratedRegex(@"\.kumoi-[0-9a-f]{12}.*$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex MarkedEnd();
}
