using System.Xml.Linq;

namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>
/// Simulated hosts have no images: every file that a definition names is as good as a volume, and what is told of removing them is what a
/// real host would tell.
/// </summary>
internal static class SimulatedImages
{
    private const long UnknownBytes = 10L << 30;

    /// <summary>
    /// The devices of a specification, as libvirt would have them; of a whole machine all of its definition. And the paths of the images
    /// that are made for it.
    /// </summary>
    public static (XElement? Definition, IReadOnlyList<string> Made, IReadOnlyList<SimulatedVolume> Seeds) Build(
        SimulatedHost host, VMSpec spec, OperationId operation)
    {
        List<string> made = [];
        List<SimulatedVolume> seeds = [];
        var disks = new List<MachineDisk>(spec.Disks.Count);
        foreach (var disk in spec.Disks)
        {
            if (disk.Content is { } content)
            {
                var name = DomainCopy.SeedName(spec.Name, operation);
                var seed = new SimulatedVolume(disk.StoragePool, name, PathOf(host, disk.StoragePool, name), "raw", content.Length)
                {
                    Content = content,
                };
                seeds.Add(seed);
                made.Add(seed.Path);
                disks.Add(new MachineDisk(disk, seed.Path, "raw"));
                continue;
            }

            var path = disk.Path is { } given ? ImageOf(host, disk.StoragePool, given)
                : PathOf(host, disk.StoragePool, DomainCopy.DiskName(spec.Name, disks.Count + 1));
            var original = (disk.CopyOf ?? disk.TemplatePath) is { } image ? ImageOf(host, disk.StoragePool, image) : null;
            if (original is not null && disk.CapacityBytes < host.ImageBytes.GetValueOrDefault(original))
            {
                throw VolumeDefinition.Shrinks(original, host.ImageBytes[original], disk.CapacityBytes.Value);
            }

            if (disk.Path is null)
            {
                SimulatedPool.EnsureRoom(host, disk.StoragePool, path, disk.NewVolumeBytes ?? 0);
                made.Add(path);
            }

            disks.Add(new MachineDisk(
                disk with { TemplatePath = disk.CopyOf is null ? original : null }, path,
                disk.TemplatePath is null ? disk.Format ?? "raw" : "qcow2"));
        }

        if (spec.Machine is { } machine)
        {
            IReadOnlyList<string> networks = spec.Networks.Count == 0 && machine.HasDefaultNetwork
                && host.Networks.Exists(static one => one.Reading is { Name: "default", IsActive: true }) ? ["default"] : spec.Networks;
            var domain = MachineDefinition.Build(spec, host.OfferOf(machine.MachineType), disks, networks, host.Name);
            foreach (var adapter in AdapterDefinition.Of(domain).Where(static adapter => adapter.Element("mac") is null))
            {
                adapter.AddFirst(new XElement("mac", new XAttribute("address", AdapterDefinition.DrawMac())));
            }

            // There is no file that could say what it is built on.
            foreach (var (element, disk) in DiskDefinition.Of(domain).Zip(disks))
            {
                element.Element("source")!.AddAfterSelf(Backing(disk));
            }

            TagMetadata.Set(domain, spec.Tags);
            return (domain, made, seeds);
        }

        if (disks.Count == 0 && spec.Tags.Count == 0)
        {
            return (null, made, seeds);
        }

        var bare = new XElement(
            "domain",
            new XAttribute("type", "simulated"),
            new XElement("devices", disks.Select(static (disk, index) => Disk(disk, index))));
        TagMetadata.Set(bare, spec.Tags);
        return (bare, made, seeds);
    }

    private static XElement Disk(MachineDisk disk, int index) => new(
        "disk",
        new XAttribute("type", "file"),
        new XAttribute("device", disk.Spec.Floppy ? "floppy" : "disk"),
        new XElement("driver", new XAttribute("type", disk.Format)),
        new XElement("source", new XAttribute("file", disk.Path)),
        Backing(disk),
        new XElement("target", new XAttribute("dev", (disk.Spec.Floppy ? "fd" : "vd") + (char)('a' + index))),
        disk.Spec.ReadOnly || disk.Spec.Floppy ? new XElement("readonly") : null);

    private static XElement? Backing(MachineDisk disk) => disk.Spec.TemplatePath is not { } path ? null : new XElement(
        "backingStore",
        new XAttribute("type", "file"),
        new XElement("format", new XAttribute("type", disk.Spec.Format ?? "raw")),
        new XElement("source", new XAttribute("file", path)));

    /// <summary>A path, or that of a volume which must be there.</summary>
    private static string ImageOf(SimulatedHost host, string pool, string image) =>
        image.StartsWith('/') ? image
        : host.Volumes.Find(volume => volume.Pool == pool && volume.Name == image)?.Path
            ?? throw VolumeDefinition.NoVolume(host.Name, pool, image);

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
        => UsesOf(host, without: vm).RemoveUnused(host.Name, images, static _ => { });

    /// <summary>Who uses the images of the host, apart from one VM.</summary>
    public static ImageUses UsesOf(SimulatedHost host, SimulatedVM without)
    {
        var uses = new ImageUses();
        foreach (var other in host.VMs.Values.Where(other => !ReferenceEquals(other, without)))
        {
            var definition = other.ToXml();
            uses.AddDefinition(other.Name, definition);
            foreach (var image in definition.Elements("devices").Elements("disk").Select(DomainCopy.ImageOf).OfType<string>())
            {
                // What it is built on is what the definition says: there is no file that could say more.
                uses.AddVolume("", image, image, backing: null, backingFormat: null);
            }
        }

        return uses;
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
