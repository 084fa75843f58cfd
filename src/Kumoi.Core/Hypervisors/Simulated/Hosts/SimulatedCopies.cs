using System.Xml.Linq;

namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>
/// The disks of VMs that are made of the definition of another. There are no images; the definition tells where they would be.
/// </summary>
internal static class SimulatedCopies
{
    /// <summary>Lets the domain have copies of the disks that it writes to, beside the originals; linked, built on those.</summary>
    public static void Make(SimulatedHost host, VMSpec spec, XElement domain, string name)
    {
        var number = 0;
        foreach (var disk in DomainCopy.WritableDisks(domain))
        {
            var image = DomainCopy.ImageOf(disk) ?? throw DomainCopy.CannotCopy(disk, "it is neither a file nor a block device");
            var directory = ImagePath.DirectoryOf(image);
            if (spec.LinkDisks)
            {
                EnsureRoom(host, directory);
            }

            var format = (string?)disk.Element("driver")?.Attribute("type") ?? "raw";
            var path = $"{directory}/{DomainCopy.DiskName(name, ++number)}";
            DomainCopy.SetImage(disk, path);
            if (host.ImageBytes.TryGetValue(image, out var bytes))
            {
                host.ImageBytes[path] = bytes;
            }

            if (spec.LinkDisks)
            {
                DomainCopy.SetFormat(disk, "qcow2");
                disk.Add(new XElement(
                    "backingStore",
                    new XAttribute("type", "file"),
                    new XElement("format", new XAttribute("type", format)),
                    new XElement("source", new XAttribute("file", image))));
            }
        }
    }

    /// <summary>The discs with which the copy first starts.</summary>
    public static IReadOnlyList<SimulatedVolume> InsertSeeds(SimulatedHost host, VMSpec spec, XElement domain, OperationId operation)
    {
        List<SimulatedVolume> seeds = [];
        foreach (var disk in spec.Disks.Where(static disk => disk.Content is not null))
        {
            var name = DomainCopy.SeedName(spec.Name, operation);
            var seed = new SimulatedVolume(
                disk.StoragePool, name, SimulatedImages.PathOf(host, disk.StoragePool, name), "raw", disk.Content!.Length)
            {
                Content = disk.Content,
            };
            SeedDrive.Insert(domain, seed.Path);
            seeds.Add(seed);
        }

        return seeds;
    }

    /// <summary>An overlay is small, but not nothing.</summary>
    private static void EnsureRoom(SimulatedHost host, string directory)
    {
        if (host.Pools.Find(pool => pool.Path == directory) is { } pool
            && host.Volumes.Where(volume => volume.Pool == pool.Name).Sum(static volume => volume.Bytes) >= SimulatedPool.Bytes)
        {
            throw new HypervisorException(
                $"The storage pool '{pool.Name}' of {host.Name} is full.", FaultDomain.Storage, error: HypervisorError.StorageFailed,
                recommendedAction: "Choose another host, or make room.");
        }
    }
}
