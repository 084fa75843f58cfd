using System.Xml.Linq;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>
/// Deletes the volumes of a VM that is being removed, but for those that others use. What stays although it was to go is told by a sentence
/// for each. Its methods block.
/// </summary>
internal static class VolumeRemoval
{
    /// <summary>The volumes of the disks that the VM writes to and shares with nobody.</summary>
    /// <param name="connection">To its host.</param>
    /// <param name="vm">The VM's name.</param>
    /// <param name="definition">Its domain XML.</param>
    public static List<string> RemoveDisks(LibvirtConnection connection, string vm, XElement definition)
    {
        List<string> warnings = [];
        var volumes = new Dictionary<string, VolumeHandle>(StringComparer.Ordinal);
        try
        {
            foreach (var disk in DomainCopy.WritableDisks(definition))
            {
                var name = $"The disk '{(string?)disk.Element("target")?.Attribute("dev")}' of '{vm}'";
                if (Find(connection, disk, name, warnings) is { } volume)
                {
                    Add(connection, volumes, volume);
                }
            }

            warnings.AddRange(RemoveUnused(connection, vm, volumes));
        }
        finally
        {
            DisposeAll(volumes);
        }

        return warnings;
    }

    /// <summary>Volumes that were made for the VM; those that are not there are fine.</summary>
    public static List<string> RemoveMade(LibvirtConnection connection, string vm, IReadOnlyList<(string Pool, string Name)> made)
    {
        var volumes = new Dictionary<string, VolumeHandle>(StringComparer.Ordinal);
        try
        {
            foreach (var (pool, name) in made)
            {
                if (VolumeStore.Find(connection, pool, name) is { } volume)
                {
                    Add(connection, volumes, volume);
                }
            }

            return RemoveUnused(connection, vm, volumes);
        }
        finally
        {
            DisposeAll(volumes);
        }
    }

    /// <summary>
    /// Volumes that only the VM has read. Where their storage pool is not there, as on a host that the VM came to, they are not either.
    /// </summary>
    public static List<string> RemoveSeeds(LibvirtConnection connection, string vm, IReadOnlyList<(string Pool, string Name)> seeds)
    {
        try
        {
            return seeds.Count == 0 ? [] : RemoveMade(connection, vm, seeds);
        }
        catch (HypervisorException e) when (e.Error is HypervisorError.StorageFailed or HypervisorError.NotSupported)
        {
            return
            [
                .. seeds.Select(seed => $"The volume '{seed.Name}' of the storage pool '{seed.Pool}', with which '{vm}' first started, "
                    + $"was not found: {e.Message}"),
            ];
        }
    }

    private static List<string> RemoveUnused(LibvirtConnection connection, string vm, Dictionary<string, VolumeHandle> volumes)
    {
        if (volumes.Count == 0)
        {
            return [];
        }

        List<string> undeletable = [];
        var used = ImageUsesReader.Read(connection, without: vm).RemoveUnused(
            connection.Label,
            volumes.Keys,
            path =>
            {
                if (!VolumeStore.Delete(connection, volumes[path], path))
                {
                    undeletable.Add($"'{path}' on {connection.Label} stays: its storage pool does not delete volumes.");
                }
            });
        return [.. used, .. undeletable];
    }

    /// <summary>Null, with a warning, where a disk is no volume.</summary>
    private static VolumeHandle? Find(LibvirtConnection connection, XElement disk, string name, List<string> warnings)
    {
        var source = disk.Element("source");
        if ((string?)source?.Attribute("pool") is { } pool && (string?)source.Attribute("volume") is { } volumeName)
        {
            var what = $"{name}, the volume '{volumeName}' of the storage pool '{pool}',";
            try
            {
                var found = VolumeStore.Find(connection, pool, volumeName);
                if (found is null)
                {
                    warnings.Add($"{what} was not found on {connection.Label}.");
                }

                return found;
            }
            catch (HypervisorException e) when (e.Error is HypervisorError.StorageFailed or HypervisorError.NotSupported)
            {
                warnings.Add($"{what} stays: {e.Message}");
                return null;
            }
        }

        if (DomainCopy.ImageOf(disk) is not { } path)
        {
            if (source is not null)
            {
                warnings.Add($"{name} stays: {DomainCopy.Describe(disk)} is no volume of a storage pool, and Kumoi deletes nothing else.");
            }

            return null;
        }

        VolumeHandle? volume = null;
        try
        {
            volume = VolumeStore.FindByPath(connection, path);
        }
        catch (HypervisorException e) when (e.Error is HypervisorError.NotSupported)
        {
            // The host has no storage driver.
        }

        if (volume is null)
        {
            warnings.Add($"{name} stays: '{path}' is in no active storage pool of {connection.Label}, and Kumoi deletes nothing else.");
        }

        return volume;
    }

    private static void Add(LibvirtConnection connection, Dictionary<string, VolumeHandle> volumes, VolumeHandle volume)
    {
        var isKept = false;
        try
        {
            isKept = volumes.TryAdd(VolumeStore.PathOf(connection, volume), volume);
        }
        finally
        {
            if (!isKept)
            {
                volume.Dispose();
            }
        }
    }

    private static void DisposeAll(Dictionary<string, VolumeHandle> volumes)
    {
        foreach (var volume in volumes.Values)
        {
            volume.Dispose();
        }
    }
}
