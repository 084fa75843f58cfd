using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets;

/// <summary>Where the disks of a VM go that moves with its storage. Reads only.</summary>
internal static class DiskPlaces
{
    /// <summary>Where they will be at the target, and what stands in the way.</summary>
    /// <param name="needs">The VM, as its source tells.</param>
    /// <param name="target">Where it goes.</param>
    /// <param name="pool">The target's storage pool; null: those at the directories that the disks are in.</param>
    /// <param name="cancellationToken">Nothing was changed.</param>
    /// <exception cref="HypervisorException">The target cannot be read.</exception>
    public static async Task<(IReadOnlyList<DiskCopy> Copies, IReadOnlyList<MigrationObstacle> Obstacles)> FindAsync(
        MigrationNeeds needs, KumoiConnection target, string? pool, CancellationToken cancellationToken)
    {
        if (needs.CopiedDisks.Count == 0)
        {
            return ([], []);
        }

        var pools = await target.Link.SendAsync(new ReadStorage(), cancellationToken);
        var (copies, obstacles) = StorageMoves.Place(needs.VM.Name, target.Name, needs.CopiedDisks, pools, pool);
        List<MigrationObstacle> all = [.. obstacles];
        foreach (var group in copies.GroupBy(static copy => copy.Pool))
        {
            var there = (await target.Link.SendAsync(new ReadVolumes(group.Key), cancellationToken))
                .Select(static volume => volume.Name).ToHashSet(StringComparer.Ordinal);
            all.AddRange(group.Where(copy => there.Contains(copy.VolumeName)).Select(copy => StorageMoves.IsThere(target.Name, copy)));
        }

        // libvirt would write over it; where the move fails, it would name disks that are not there.
        if (await target.Link.SendAsync(new FindVM(needs.VM.Id), cancellationToken) is { State: PowerState.Shutoff })
        {
            all.Add(MigrationJudge.Exists(needs.VM.Name, target.Name, "a definition of this VM"));
        }

        return (copies, all);
    }

    /// <summary>The volumes of the source's storage pools that the disks are; of what is in none there is none.</summary>
    /// <exception cref="HypervisorException">The source cannot be read.</exception>
    public static async Task<IReadOnlyDictionary<string, (string Pool, string Volume)>> FindVolumesAsync(
        KumoiConnection source, IEnumerable<DiskReading> disks, CancellationToken cancellationToken)
    {
        var pools = await source.Link.SendAsync(new ReadStorage(), cancellationToken);
        var volumes = new Dictionary<string, (string Pool, string Volume)>(StringComparer.Ordinal);
        foreach (var path in disks.Select(static disk => disk.Path!))
        {
            var directory = ImagePath.DirectoryOf(path);
            if (pools.FirstOrDefault(pool => pool is { IsActive: true, Path: { } at } && ImagePath.Normalize(at) == directory) is { } found)
            {
                volumes[path] = (found.Name, ImagePath.Normalize(path)[(directory.Length + 1)..]);
            }
        }

        return volumes;
    }
}
