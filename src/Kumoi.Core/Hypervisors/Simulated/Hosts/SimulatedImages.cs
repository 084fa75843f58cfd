using System.Xml.Linq;

namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>
/// Simulated hosts have no images: every file that a definition names is as good as a volume, and what is told of removing them is what a
/// real host would tell.
/// </summary>
internal static class SimulatedImages
{
    private const long UnknownBytes = 10L << 30;

    /// <summary>The disks of a specification, as libvirt would have them; and the paths of those that are made for it.</summary>
    public static (XElement Devices, IReadOnlyList<string> Made) Build(SimulatedHost host, VMSpec spec)
    {
        List<string> made = [];
        var disks = spec.Disks.Select((disk, index) =>
        {
            var path = disk.Path ?? PathOf(host, disk.StoragePool, DomainCopy.DiskName(spec.Name, index + 1));
            if (disk.Path is null)
            {
                made.Add(path);
            }

            return new XElement(
                "disk",
                new XAttribute("type", "file"),
                new XAttribute("device", disk.Floppy ? "floppy" : "disk"),
                new XElement("driver", new XAttribute("type", disk.TemplatePath is null ? disk.Format ?? "raw" : "qcow2")),
                new XElement("source", new XAttribute("file", path)),
                disk.TemplatePath is null ? null : new XElement(
                    "backingStore",
                    new XAttribute("type", "file"),
                    new XElement("format", new XAttribute("type", disk.Format ?? "raw")),
                    new XElement("source", new XAttribute("file", disk.TemplatePath))),
                new XElement("target", new XAttribute("dev", (disk.Floppy ? "fd" : "vd") + (char)('a' + index))),
                disk.ReadOnly || disk.Floppy ? new XElement("readonly") : null);
        }).ToList();
        return (new XElement("devices", disks), made);
    }

    /// <summary>A sentence for each disk that stays when the VM is removed with its disks. Within the fleet's gate.</summary>
    public static IReadOnlyList<string> JudgeRemoval(SimulatedHost host, SimulatedVM vm)
    {
        var disks = DomainCopy.WritableDisks(vm.ToXml()).Where(static disk => disk.Element("source") is not null).ToList();
        return
        [
            .. JudgeRemoval(host, vm, disks.Select(DomainCopy.ImageOf).OfType<string>()),
            .. disks.Where(static disk => DomainCopy.ImageOf(disk) is null && disk.Element("source")?.Attribute("volume") is null).Select(
                disk => $"The disk '{(string?)disk.Element("target")?.Attribute("dev")}' of '{vm.Name}' stays: "
                    + $"{DomainCopy.Describe(disk)} is no volume of "
                    + "a storage pool, and Kumoi deletes nothing else."),
        ];
    }

    /// <summary>As above, of some of its images.</summary>
    public static IReadOnlyList<string> JudgeRemoval(SimulatedHost host, SimulatedVM vm, IEnumerable<string> images)
    {
        var uses = new ImageUses();
        foreach (var other in host.VMs.Values.Where(other => !ReferenceEquals(other, vm)))
        {
            var definition = other.ToXml();
            uses.AddDefinition(other.Name, definition);
            foreach (var image in definition.Elements("devices").Elements("disk").Select(DomainCopy.ImageOf).OfType<string>())
            {
                // What it is built on is what the definition says: there is no file that could say more.
                uses.AddVolume("", image, image, backing: null, backingFormat: null);
            }
        }

        return uses.RemoveUnused(host.Name, images, static _ => { });
    }

    /// <summary>One disk of a VM. Every file that is named is there.</summary>
    public static DiskReading Read(SimulatedHost host, XElement disk)
    {
        var reading = DiskDefinition.Read(disk);
        return reading.Path is null
            ? reading : reading with { CapacityBytes = BytesOf(host, reading.Path), AllocatedBytes = BytesOf(host, reading.Path) };
    }

    /// <summary>How big an image is.</summary>
    public static long BytesOf(SimulatedHost host, string path) => host.ImageBytes.GetValueOrDefault(path, UnknownBytes);

    /// <summary>Where a volume of that name is, or would be; of a pool that the host has not, where such a one would be.</summary>
    public static string PathOf(SimulatedHost host, string pool, string volume) =>
        $"{host.Pools.Find(one => one.Name == pool)?.Path ?? DirectoryOf(pool)}/{volume}";

    /// <summary>The first of the VM's names that no disk on the host, and no volume, has.</summary>
    public static string FreeName(SimulatedHost host, SimulatedVM vm, string pool)
    {
        var taken = host.VMs.Values.Select(static other => other.Definition).OfType<XElement>().SelectMany(DiskDefinition.Of)
            .Select(DomainCopy.ImageOf).Concat(host.Volumes.Select(static volume => volume.Path))
            .ToHashSet(StringComparer.Ordinal);
        return Enumerable.Range(1, taken.Count + 1).Select(number => DomainCopy.DiskName(vm.Name, number))
            .First(name => !taken.Contains(PathOf(host, pool, name)));
    }

    /// <summary>Where a pool is of which nothing else was said.</summary>
    public static string DirectoryOf(string pool) => $"/var/lib/libvirt/{pool}";
}
