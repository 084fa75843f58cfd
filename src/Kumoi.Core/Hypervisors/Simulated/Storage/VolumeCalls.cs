using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Storage;

/// <summary>Calls on the volumes of storage pools: those that were made there.</summary>
internal static class VolumeCalls
{
    public static void AddTo(CallTable<SimulatedLink> calls) => calls
        .Add(static (SimulatedLink link, ReadVolumes call, CancellationToken token) => link.Call(() => Read(link, call.Pool), token))
        .Add(static (SimulatedLink link, CreateVolume call, CancellationToken token) => link.Call(() => Create(link, call), token))
        .Add(static (SimulatedLink link, ResizeVolume call, CancellationToken token) => link.Call(() => Resize(link, call), token))
        .Add(static (SimulatedLink link, RemoveVolume call, CancellationToken token) => link.Call(() => Remove(link, call), token))
        .Add(static (SimulatedLink link, CopyVolume call, CancellationToken token) => link.Call(() => Copy(link, call), token))
        .Add(static (SimulatedLink link, UploadVolume call, CancellationToken token) => VolumeTransfer.UploadAsync(link, call, token))
        .Add(static (SimulatedLink link, DownloadVolume call, CancellationToken token) => VolumeTransfer.DownloadAsync(link, call, token));

    /// <summary>A volume that must be there, of an active pool.</summary>
    public static (VolumeReading Reading, SimulatedVolume Volume) Get(SimulatedLink link, string pool, string name)
    {
        PoolCalls.EnsureActive(link, pool);
        var volume = Find(link, pool, name) ?? throw VolumeDefinition.NoVolume(link.HostName, pool, name);
        return (Read(link, volume), volume);
    }

    /// <summary>One of a name that no other in its pool has, and for which there is room.</summary>
    public static VolumeReading Add(SimulatedLink link, string pool, string name, string format, long bytes, byte[]? content = null)
    {
        PoolCalls.EnsureActive(link, pool);
        if (Find(link, pool, name) is not null)
        {
            throw VolumeDefinition.Exists(link.HostName, pool, name);
        }

        SimulatedPool.EnsureRoom(link.Host, pool, name, bytes);
        var made = new SimulatedVolume(pool, name, SimulatedImages.PathOf(link.Host, pool, name), format, bytes) { Content = content };
        link.Host.Volumes.Add(made);
        link.Host.ImageBytes[made.Path] = bytes;
        return Read(link, made);
    }

    /// <summary>One that is to be made anew.</summary>
    public static void Drop(SimulatedLink link, string pool, string name)
    {
        var volume = Find(link, pool, name) ?? throw VolumeDefinition.NoVolume(link.HostName, pool, name);
        link.Host.Volumes.Remove(volume);
        link.Host.ImageBytes.Remove(volume.Path);
    }

    private static IReadOnlyList<VolumeReading> Read(SimulatedLink link, string pool)
    {
        PoolCalls.EnsureActive(link, pool);
        return [.. link.Host.Volumes.Where(volume => volume.Pool == pool).Select(volume => Read(link, volume))];
    }

    private static VolumeReading Read(SimulatedLink link, SimulatedVolume volume)
    {
        var bytes = link.Host.ImageBytes.GetValueOrDefault(volume.Path, volume.Bytes);
        return new VolumeReading
        {
            Pool = volume.Pool,
            Name = volume.Name,
            Path = volume.Path,
            Format = volume.Format,
            CapacityBytes = bytes,
            AllocatedBytes = bytes,
            ModifiedAt = "0", // there is nothing that could be written to
        };
    }

    private static VolumeReading Create(SimulatedLink link, CreateVolume call) =>
        Add(link, call.Pool, call.VolumeName, call.Format, call.Bytes);

    private static VolumeReading Copy(SimulatedLink link, CopyVolume call)
    {
        var (reading, original) = Get(link, call.SourcePool, call.SourceName);
        VolumeDefinition.EnsureIsAs(reading, call.SourceFormat);
        if (link.Host.VMs.Values.FirstOrDefault(vm => vm.State is not PowerState.Shutoff
            && VolumeDefinition.IsWrittenBy(reading, vm.ToXml())) is { } writer)
        {
            throw VolumeDefinition.IsWritten(reading, writer.Name, link.HostName);
        }

        return Add(link, call.Pool, call.VolumeName, call.Format ?? reading.Format, reading.CapacityBytes, original.Content);
    }

    private static VolumeReading Resize(SimulatedLink link, ResizeVolume call)
    {
        var (now, volume) = Get(link, call.Pool, call.VolumeName);
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
        PoolCalls.EnsureActive(link, call.Pool);
        if (Find(link, call.Pool, call.VolumeName) is not { } volume)
        {
            return default;
        }

        if (UserOf(link, volume.Path) is { } user)
        {
            throw VolumeDefinition.InUse(volume.Path, $"the VM '{user}' uses it");
        }

        link.Host.Volumes.Remove(volume);
        link.Host.ImageBytes.Remove(volume.Path);
        return default;
    }

    private static SimulatedVolume? Find(SimulatedLink link, string pool, string name) =>
        link.Host.Volumes.Find(volume => volume.Pool == pool && volume.Name == name);

    private static string? UserOf(SimulatedLink link, string path) => link.Host.VMs.Values.FirstOrDefault(
        vm => vm.Definition is not null && DiskDefinition.Of(vm.Definition).Any(disk => DomainCopy.ImageOf(disk) == path))?.Name;
}
