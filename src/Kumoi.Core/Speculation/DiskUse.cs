using System.Xml.Linq;
using Kumoi.Hypervisors;

namespace Kumoi.Speculation;

/// <summary>That a running VM uses a disk image.</summary>
/// <param name="VM">The VM.</param>
/// <param name="Image">What tells the image from all others: of a path on one host, that host too.</param>
/// <param name="Path">The image as the VM's definition has it.</param>
/// <param name="Writes">It writes to the image; false: it reads it as a backing file, and must not have it changed under it.</param>
internal sealed record DiskUse(KumoiVM VM, string Image, string Path, bool Writes)
{
    /// <summary>All images of a running VM that nobody else may write to.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="domain">Its live definition.</param>
    /// <param name="pools">Of its host.</param>
    public static IEnumerable<DiskUse> Of(KumoiVM vm, XElement domain, IReadOnlyList<StoragePoolReading> pools)
    {
        foreach (var disk in DomainCopy.WritableDisks(domain))
        {
            foreach (var (source, writes) in Sources(disk))
            {
                if (Locate(source, vm, pools) is var (image, path))
                {
                    yield return new DiskUse(vm, image, path, writes);
                }
            }
        }
    }

    /// <summary>The disk's own image, the copy that is being made of it, and what is below it.</summary>
    private static IEnumerable<(XElement Source, bool Writes)> Sources(XElement disk)
    {
        foreach (var top in new[] { disk, disk.Element("mirror") }.OfType<XElement>())
        {
            if (top.Element("source") is { } source)
            {
                yield return (source, true);
            }
        }

        for (var below = disk.Element("backingStore"); below is not null; below = below.Element("backingStore"))
        {
            if (below.Element("source") is { } source)
            {
                yield return (source, false);
            }
        }
    }

    private static (string Image, string Path)? Locate(XElement source, KumoiVM vm, IReadOnlyList<StoragePoolReading> pools)
    {
        if ((string?)source.Attribute("protocol") is { } protocol)
        {
            var servers = source.Elements("host").Select(host => (string?)host.Attribute("name") ?? "").Order(StringComparer.Ordinal);
            var name = (string?)source.Attribute("name") ?? "";
            return ($"{protocol}:{string.Join(',', servers)}:{name}", $"{protocol}:{name}");
        }

        if ((string?)source.Attribute("pool") is { } poolName && (string?)source.Attribute("volume") is { } volume)
        {
            var pool = pools.FirstOrDefault(pool => pool.Name == poolName);
            return pool?.Path is { } folder ? InPath($"{folder}/{volume}", vm, pools)
                : pool is { IsNetworked: true } ? ($"{pool.Type}:{pool.Source}:{volume}", $"{poolName}/{volume}")
                : ($"{vm.Connection.Uri}:{poolName}/{volume}", $"{poolName}/{volume}");
        }

        return ((string?)source.Attribute("file") ?? (string?)source.Attribute("dev")) is { Length: > 0 } path
            ? InPath(path, vm, pools) : null;
    }

    /// <summary>A path means the same on several hosts only where it is in a storage pool that comes from the network.</summary>
    private static (string Image, string Path) InPath(string path, KumoiVM vm, IReadOnlyList<StoragePoolReading> pools)
    {
        var isShared = pools.Any(
            pool => pool is { IsNetworked: true, Path: { } folder } && path.StartsWith(folder + "/", StringComparison.Ordinal));
        return (isShared ? path : $"{vm.Connection.Uri}:{path}", path);
    }
}
