using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Storage;

/// <summary>Reads storage pools and their volumes (libvirt-storage). Its methods block.</summary>
internal static unsafe class PoolReader
{
    /// <summary>virConnectListAllStoragePools, and the XML of each. None, where the host has no storage driver.</summary>
    public static IReadOnlyList<PoolReading> Read(LibvirtConnection connection)
    {
        using var pools = VolumeStore.ListPools(connection, 0);
        if (pools is null)
        {
            var failure = NativeError.Last();
            return failure.Code is LibvirtCode.NoSupport && connection.Loss is null
                ? [] : throw connection.ToException(failure, "list the storage pools", CallKind.Read);
        }

        List<PoolReading> readings = [];
        foreach (var pool in pools)
        {
            if (Read(connection, pool) is { } reading)
            {
                readings.Add(reading);
            }
        }

        return readings;
    }

    /// <summary>Null: it was removed meanwhile.</summary>
    public static PoolReading? Read(LibvirtConnection connection, StoragePoolHandle pool)
    {
        var reading = NativeString.Take(NativeStorage.virStoragePoolGetXMLDesc(pool, 0)) is { } xml ? VolumeDefinition.ReadPool(xml) : null;
        int isAutostart;
        reading = reading is null ? null : reading with
        {
            IsActive = NativeStorage.virStoragePoolIsActive(pool) == 1,
            IsAutostart = NativeStorage.virStoragePoolGetAutostart(pool, &isAutostart) == 0 && isAutostart != 0,
        };
        connection.EnsureWhole("read a storage pool");
        return reading;
    }

    /// <summary>virStoragePoolRefresh, virStoragePoolListAllVolumes.</summary>
    public static IReadOnlyList<VolumeReading> ReadVolumes(LibvirtConnection connection, string name)
    {
        using var pool = VolumeStore.GetPool(connection, name);
        Refresh(connection, pool, name);
        nint* pointers = null;
        var count = NativeStorage.virStoragePoolListAllVolumes(pool, &pointers, 0);
        if (count < 0)
        {
            throw connection.Failed($"list the volumes of the storage pool '{name}'");
        }

        using var volumes = new HandleList<VolumeHandle>();
        for (var i = 0; i < count; i++)
        {
            volumes.Add(new VolumeHandle(pointers[i], connection.Handle));
        }

        NativeTypedParameters.Free(pointers);
        List<VolumeReading> readings = [];
        foreach (var volume in volumes)
        {
            if (NativeString.Take(NativeStorage.virStorageVolGetXMLDesc(volume, 0)) is { } xml)
            {
                readings.Add(VolumeDefinition.Read(name, SafeXml.Parse(xml)));
            }
            else if (NativeError.Last() is { Code: not LibvirtCode.NoStorageVolume } failure)
            {
                throw connection.ToException(failure, $"read a volume of the storage pool '{name}'", CallKind.Read);
            }
        }

        return readings;
    }

    /// <summary>
    /// What others have made or removed in the pool is known only then. libvirt refuses while it makes or copies a volume there, and the pool
    /// stays active: then what it knows is what there is. Where it has looked and failed, the pool is not active any more.
    /// </summary>
    public static void Refresh(LibvirtConnection connection, StoragePoolHandle pool, string name)
    {
        if (NativeStorage.virStoragePoolRefresh(pool, 0) == 0)
        {
            return;
        }

        var failure = NativeError.Last();
        if (connection.Loss is not null || NativeStorage.virStoragePoolIsActive(pool) != 1)
        {
            throw connection.ToException(failure, $"look what is in the storage pool '{name}'", CallKind.Read);
        }
    }
}
