using System.Xml.Linq;
using Kind = Kumoi.Hypervisors.MigrationObstacleKind;

namespace Kumoi.Hypervisors;

/// <summary>
/// Which disks of a VM are copied when it moves with its storage, and what its definition is where they are then
/// (https://libvirt.org/formatdomain.html).
/// </summary>
internal static class StorageMoves
{
    /// <summary>
    /// Those that the VM writes to and shares with nobody, and that are files or block devices of its host. What it only reads, and what it
    /// shares, must be at the target.
    /// </summary>
    public static IEnumerable<XElement> Copied(XElement domain) =>
        DomainCopy.WritableDisks(domain).Where(static disk => DomainCopy.ImageOf(disk) is not null);

    /// <summary>What of the disks that the VM writes to cannot be copied.</summary>
    /// <param name="domain">The VM.</param>
    /// <param name="where">To where.</param>
    /// <param name="wanted">Only of these, by their names in the VM; null: of all.</param>
    public static IEnumerable<MigrationObstacle> Judge(
        XElement domain, string where = "to another host", IReadOnlySet<string>? wanted = null)
    {
        foreach (var disk in DomainCopy.WritableDisks(domain).Where(disk => disk.Element("source") is not null
            && wanted?.Contains(DiskDefinition.TargetOf(disk)) is not false))
        {
            var why = (string?)disk.Attribute("type") switch
            {
                // A server has it, which the target reaches as the source does.
                "network" => null,
                "volume" => "it is given by its pool and volume, not by a path",
                not ("file" or "block") => "it is neither a file nor a block device",
                _ when disk.Element("source")!.Element("encryption") is not null => "it is encrypted",
                _ => (string?)disk.Element("driver")?.Attribute("type") is "qcow2" or "raw" ? null : "it is neither qcow2 nor raw",
            };
            if (why is not null)
            {
                yield return new(
                    Kind.Storage, $"The disk '{DiskDefinition.TargetOf(disk)}' cannot be copied {where}: {why}.",
                    "Move the VM while it is off, or put the disk on storage that both hosts have and leave out -WithStorage.");
            }
        }
    }

    /// <summary>
    /// The domain XML with these disks at the target's paths. What they are built on is copied into them, so that nothing is said of it.
    /// </summary>
    public static string Redirect(string xml, IReadOnlyList<DiskCopy> disks)
    {
        var domain = DomainDefinition.Parse(xml);
        foreach (var copy in disks)
        {
            // In the definition from which it starts next, it may be another disk: then that one is not ours to change.
            if (DiskDefinition.Find(domain, copy.Target) is not { } disk || DomainCopy.ImageOf(disk) is not { } path
                || ImagePath.Normalize(path) != ImagePath.Normalize(copy.Path))
            {
                continue;
            }

            DomainCopy.Redirect(disk, copy.TargetPath, copy.Format);
        }

        return domain.ToString(SaveOptions.DisableFormatting);
    }

    /// <summary>Where the copies of the disks will be on a host, without making them, and what stands in the way.</summary>
    /// <param name="vm">The VM's name.</param>
    /// <param name="host">The target's name.</param>
    /// <param name="disks">Those that are copied, as the source has them.</param>
    /// <param name="pools">The target's storage pools.</param>
    /// <param name="given">The pool that all of them go to; null: the one that has the directory where they are on the source.</param>
    public static (IReadOnlyList<DiskCopy> Copies, IReadOnlyList<MigrationObstacle> Obstacles) Place(
        string vm, string host, IReadOnlyList<DiskReading> disks, IReadOnlyList<PoolReading> pools, string? given)
    {
        List<DiskCopy> copies = [];
        List<MigrationObstacle> obstacles = [];
        foreach (var disk in disks)
        {
            if (disk.CapacityBytes is not { } capacity)
            {
                obstacles.Add(new(
                    Kind.Storage, $"How big the disk '{disk.Target}' of '{vm}' is, is not known: it cannot be copied.",
                    "See that the host can read its image."));
            }
            else if (PoolFor(disk.Path!, pools, given) is not { } pool)
            {
                obstacles.Add(given is null
                    ? new(
                        Kind.Storage, $"{host} has no storage pool at '{ImagePath.DirectoryOf(disk.Path!)}', where the disk "
                            + $"'{disk.Target}' of '{vm}' is.",
                        "Give the pool that it is to go to: -TargetPool.")
                    : new(
                        Kind.Storage, $"{host} has no storage pool '{given}'.",
                        $"Get-KumoiPool -VMHost {host} lists its storage pools."));
            }
            else if (!pool.IsActive || pool.Path is null)
            {
                obstacles.Add(new(
                    Kind.Storage, $"The storage pool '{pool.Name}' of {host} is not active, or has no directory.",
                    "Start it with Start-KumoiPool, or give another one: -TargetPool."));
            }
            else
            {
                var name = ImagePath.Normalize(disk.Path!)[(ImagePath.DirectoryOf(disk.Path!).Length + 1)..];
                copies.Add(new(disk.Target, disk.Path!, $"{pool.Path.TrimEnd('/')}/{name}", disk.Format, capacity)
                {
                    Pool = pool.Name,
                    VolumeName = name,
                });
            }
        }

        obstacles.AddRange(copies.GroupBy(static copy => copy.TargetPath).Where(static same => same.Count() > 1).Select(same =>
            new MigrationObstacle(
                Kind.Storage, $"The disks {string.Join(", ", same.Select(static copy => $"'{copy.Target}'"))} of '{vm}' would all become "
                    + $"'{same.Key}' on {host}.",
                "Leave out -TargetPool, and have a storage pool at each directory that they are in.")));
        obstacles.AddRange(copies.GroupBy(static copy => copy.Pool).Select(group => JudgeRoom(
            host, pools.First(pool => pool.Name == group.Key),
            group.Sum(copy => disks.First(disk => disk.Target == copy.Target).AllocatedBytes ?? 0))).OfType<MigrationObstacle>());
        return (copies, obstacles);
    }

    /// <summary>A file of that name may be somebody's data, or the very same disk on storage that both hosts have.</summary>
    public static MigrationObstacle IsThere(string host, DiskCopy copy) => new(
        Kind.Storage, $"'{copy.TargetPath}' is on {host} already: the disk '{copy.Target}' cannot be copied there.",
        "If both hosts have the same storage, move the VM without -WithStorage. Else remove or rename what is there, or give another "
            + "pool: -TargetPool.");

    private static PoolReading? PoolFor(string path, IReadOnlyList<PoolReading> pools, string? given) => pools.FirstOrDefault(
        pool => given is not null ? pool.Name == given
            : pool.Path is { } directory && ImagePath.Normalize(directory) == ImagePath.DirectoryOf(path));

    private static MigrationObstacle? JudgeRoom(string host, PoolReading pool, long bytes) => pool.FreeBytes >= bytes
        ? null
        : new(
            Kind.Storage, $"The storage pool '{pool.Name}' of {host} has {pool.FreeBytes >> 20} MiB free, the disks have {bytes >> 20}.",
            "Choose another host or another pool (-TargetPool), or make room.");
}
