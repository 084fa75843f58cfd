using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Storage;

/// <summary>Calls on the volumes of storage pools.</summary>
internal static class VolumeCalls
{
    public static void AddTo(CallTable<LibvirtLink> calls) => calls
        .Add(static (LibvirtLink host, ReadVolumes call, CancellationToken token) =>
            host.ReadAsync(connection => PoolReader.ReadVolumes(connection, call.Pool), token))
        .Add(static (LibvirtLink host, CreateVolume call, CancellationToken token) =>
            host.ControlAsync(connection => Create(connection, call), token))
        .Add(static (LibvirtLink host, ResizeVolume call, CancellationToken token) =>
            host.ControlAsync(connection => Resize(connection, call), token))
        .Add(static (LibvirtLink host, RemoveVolume call, CancellationToken token) =>
            ImageRemovals.RunAsync(host, connection => Remove(connection, call), token))
        .Add(static (LibvirtLink host, CopyVolume call, CancellationToken token) => VolumeCopying.CopyAsync(host, call, token))
        .Add(static (LibvirtLink host, UploadVolume call, CancellationToken token) => VolumeTransfer.UploadAsync(host, call, token))
        .Add(static (LibvirtLink host, DownloadVolume call, CancellationToken token) => VolumeTransfer.DownloadAsync(host, call, token));

    /// <summary>A name that another volume has, which may be somebody's data, fails.</summary>
    public static void EnsureFree(LibvirtConnection connection, string pool, string name)
    {
        using var existing = VolumeStore.Find(connection, pool, name);
        if (existing is not null)
        {
            throw VolumeDefinition.Exists(connection.Label, pool, name);
        }
    }

    /// <summary>virStorageVolCreateXML.</summary>
    private static VolumeReading Create(LibvirtConnection connection, CreateVolume call)
    {
        EnsureFree(connection, call.Pool, call.VolumeName);
        VolumeStore.Create(
            connection, VolumeStore.PlanOne(connection, call.Pool, call.VolumeName, vm: "", call.Format, call.Bytes));
        using var made = FindFresh(connection, call.Pool, call.VolumeName)
            ?? throw VolumeDefinition.NoVolume(connection.Label, call.Pool, call.VolumeName);
        return VolumeDefinition.Read(call.Pool, VolumeStore.ReadXml(connection, made));
    }

    /// <summary>virStorageVolResize.</summary>
    private static VolumeReading Resize(LibvirtConnection connection, ResizeVolume call)
    {
        using var volume = FindFresh(connection, call.Pool, call.VolumeName)
            ?? throw VolumeDefinition.NoVolume(connection.Label, call.Pool, call.VolumeName);
        var now = VolumeDefinition.Read(call.Pool, VolumeStore.ReadXml(connection, volume));
        if (call.Bytes < now.CapacityBytes)
        {
            throw VolumeDefinition.Shrinks(call.VolumeName, now.CapacityBytes, call.Bytes);
        }

        if (ImageUsesReader.Read(connection, without: "").FindKnownUse(now.Path) is { } use)
        {
            throw VolumeDefinition.InUse(now.Path, $"{use}; Resize-KumoiDisk resizes it with its VM");
        }

        connection.Change(
            NativeStorage.virStorageVolResize(volume, (ulong)call.Bytes, 0),
            $"resize the volume '{call.VolumeName}' of the storage pool '{call.Pool}'");
        return VolumeDefinition.Read(call.Pool, VolumeStore.ReadXml(connection, volume));
    }

    /// <summary>virStorageVolDelete.</summary>
    private static Done Remove(LibvirtConnection connection, RemoveVolume call)
    {
        using var volume = FindFresh(connection, call.Pool, call.VolumeName);
        if (volume is null)
        {
            return default;
        }

        var path = VolumeStore.PathOf(connection, volume);
        var uses = ImageUsesReader.Read(connection, without: "");
        if ((call.IsOwn ? uses.FindKnownUse(path) : uses.FindUse(path)) is { } use)
        {
            throw VolumeDefinition.InUse(path, use);
        }

        return VolumeStore.Delete(connection, volume, path) ? default : throw new HypervisorException(
            $"The storage pool '{call.Pool}' of {connection.Label} does not delete volumes.", FaultDomain.Storage,
            error: HypervisorError.NotSupported, recommendedAction: "Delete it where the storage is managed.");
    }

    /// <summary>Null: the pool has no such volume, after the host has looked.</summary>
    public static VolumeHandle? FindFresh(LibvirtConnection connection, string pool, string name)
    {
        using (var handle = VolumeStore.GetPool(connection, pool))
        {
            PoolReader.Refresh(connection, handle, pool);
        }

        return VolumeStore.Find(connection, pool, name);
    }
}
