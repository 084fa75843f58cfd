using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Storage;

/// <summary>
/// Calls on storage pools and their volumes. Each simulated host has one pool, <c>default</c>, of 1 TiB, with the volumes that were made
/// there.
/// </summary>
internal static class VolumeCalls
{
    private const string Pool = "default";
    private const long PoolBytes = 1L << 40;

    public static void AddTo(CallTable<SimulatedLink> calls) => calls
        .Add(static (SimulatedLink link, ReadStorage _, CancellationToken token) => link.Call(() => ReadPools(link), token))
        .Add(static (SimulatedLink link, ReadVolumes call, CancellationToken token) => link.Call(() => Read(link, call.Pool), token))
        .Add(static (SimulatedLink link, CreateVolume call, CancellationToken token) => link.Call(() => Create(link, call), token))
        .Add(static (SimulatedLink link, ResizeVolume call, CancellationToken token) => link.Call(() => Resize(link, call), token))
        .Add(static (SimulatedLink link, RemoveVolume call, CancellationToken token) => link.Call(() => Remove(link, call), token));

    private static IReadOnlyList<PoolReading> ReadPools(SimulatedLink link)
    {
        var allocated = link.Host.Volumes.Sum(static volume => volume.Bytes);
        return
        [
            new PoolReading
            {
                Name = Pool,
                Type = "dir",
                IsActive = true,
                IsAutostart = true,
                Path = "/var/lib/libvirt/images",
                CapacityBytes = PoolBytes,
                AllocatedBytes = allocated,
                FreeBytes = PoolBytes - allocated,
            },
        ];
    }

    private static IReadOnlyList<VolumeReading> Read(SimulatedLink link, string pool)
    {
        EnsurePool(link, pool);
        return [.. link.Host.Volumes.Select(volume => Read(link, volume))];
    }

    private static VolumeReading Read(SimulatedLink link, SimulatedVolume volume)
    {
        var path = SimulatedImages.PathOf(volume.Pool, volume.Name);
        var bytes = link.Host.ImageBytes.GetValueOrDefault(path, volume.Bytes);
        return new VolumeReading
        {
            Pool = volume.Pool,
            Name = volume.Name,
            Path = path,
            Format = volume.Format,
            CapacityBytes = bytes,
            AllocatedBytes = bytes,
        };
    }

    private static VolumeReading Create(SimulatedLink link, CreateVolume call)
    {
        EnsurePool(link, call.Pool);
        if (Find(link, call.VolumeName) is not null)
        {
            throw VolumeDefinition.Exists(link.HostName, call.Pool, call.VolumeName);
        }

        var free = PoolBytes - link.Host.Volumes.Sum(static volume => volume.Bytes);
        if (call.Bytes > free)
        {
            throw new HypervisorException(
                $"The storage pool '{call.Pool}' of {link.HostName} has {free} bytes free, '{call.VolumeName}' needs {call.Bytes}.",
                FaultDomain.Storage, error: HypervisorError.StorageFailed, recommendedAction: "Choose another host, or a smaller volume.");
        }

        var made = new SimulatedVolume(call.Pool, call.VolumeName, call.Format, call.Bytes);
        link.Host.Volumes.Add(made);
        link.Host.ImageBytes[SimulatedImages.PathOf(made.Pool, made.Name)] = made.Bytes;
        return Read(link, made);
    }

    private static VolumeReading Resize(SimulatedLink link, ResizeVolume call)
    {
        EnsurePool(link, call.Pool);
        var volume = Find(link, call.VolumeName) ?? throw VolumeDefinition.NoVolume(link.HostName, call.Pool, call.VolumeName);
        var now = Read(link, volume);
        if (call.Bytes < now.CapacityBytes)
        {
            throw VolumeDefinition.Shrinks(call.VolumeName, now.CapacityBytes, call.Bytes);
        }

        if (UserOf(link, now.Path) is { } user)
        {
            throw VolumeDefinition.InUse(now.Path, $"the VM '{user}' uses it; Resize-KumoiDisk resizes it with its VM");
        }

        link.Host.ImageBytes[now.Path] = call.Bytes;
        return Read(link, volume);
    }

    private static Done Remove(SimulatedLink link, RemoveVolume call)
    {
        EnsurePool(link, call.Pool);
        if (Find(link, call.VolumeName) is not { } volume)
        {
            return default;
        }

        var path = SimulatedImages.PathOf(volume.Pool, volume.Name);
        if (UserOf(link, path) is { } user)
        {
            throw VolumeDefinition.InUse(path, $"the VM '{user}' uses it");
        }

        link.Host.Volumes.Remove(volume);
        link.Host.ImageBytes.Remove(path);
        return default;
    }

    private static void EnsurePool(SimulatedLink link, string pool)
    {
        if (pool is not Pool)
        {
            throw VolumeDefinition.NoPool(link.HostName, pool);
        }
    }

    private static SimulatedVolume? Find(SimulatedLink link, string name) =>
        link.Host.Volumes.Find(volume => volume.Name == name);

    private static string? UserOf(SimulatedLink link, string path) => link.Host.VMs.Values.FirstOrDefault(
        vm => vm.Definition is not null && DiskDefinition.Of(vm.Definition).Any(disk => DomainCopy.ImageOf(disk) == path))?.Name;
}
