using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Storage;

/// <summary>Makes, starts, stops and removes storage pools, never what is in them (libvirt-storage). Its methods block.</summary>
internal static unsafe class PoolChanges
{
    /// <summary>
    /// virStoragePoolDefineXML, which refuses a name and a place that another pool has, whoever asks; virStoragePoolBuild for a directory
    /// that is not there; virStoragePoolCreate. A volume group is never built: that would make it anew.
    /// </summary>
    public static PoolReading Create(LibvirtConnection connection, PoolSpec spec)
    {
        var action = $"make the storage pool '{spec.Name}'";
        EnsureFree(connection, spec);
        var pointer = NativeStorage.virStoragePoolDefineXML(connection.Handle, PoolDefinition.Build(spec).ToString(), 0);
        if (pointer == 0)
        {
            var failure = Failed(connection, action);
            if (!failure.OutcomeUnknown)
            {
                EnsureFree(connection, spec); // somebody else may have made it meanwhile
            }

            throw failure;
        }

        connection.NoteChange();
        using var pool = new StoragePoolHandle(pointer, connection.Handle);
        try
        {
            if (spec.Kind is not PoolKind.VolumeGroup)
            {
                Check(connection, NativeStorage.virStoragePoolBuild(pool, 0), action);
            }

            if (spec.IsStarted)
            {
                Check(connection, NativeStorage.virStoragePoolCreate(pool, 0), action);
            }

            if (spec.IsAutostart)
            {
                Check(connection, NativeStorage.virStoragePoolSetAutostart(pool, 1), action);
            }

            return ReadAgain(connection, pool, spec.Name);
        }
        catch (HypervisorException e) when (!e.OutcomeUnknown)
        {
            _ = NativeStorage.virStoragePoolDestroy(pool);
            _ = NativeStorage.virStoragePoolUndefine(pool);
            throw;
        }
    }

    /// <summary>virStoragePoolCreate.</summary>
    public static PoolReading Start(LibvirtConnection connection, StartPool call)
    {
        using var pool = Get(connection, call.Id, call.PoolName);
        if (!IsActive(pool) && NativeStorage.virStoragePoolCreate(pool, 0) != 0)
        {
            var failure = Failed(connection, $"start the storage pool '{call.PoolName}'");
            if (failure.OutcomeUnknown || !IsActive(pool))
            {
                throw failure;
            }
        }

        connection.NoteChange();
        return ReadAgain(connection, pool, call.PoolName);
    }

    /// <summary>virStoragePoolDestroy, which destroys nothing. One that has no definition is gone then.</summary>
    public static PoolReading Stop(LibvirtConnection connection, StopPool call)
    {
        using var pool = Get(connection, call.Id, call.PoolName);
        var before = ReadAgain(connection, pool, call.PoolName);
        if (!before.IsActive)
        {
            return before;
        }

        if (FindRunningUse(connection, before) is { } use)
        {
            throw PoolDefinition.InUse(connection.Label, before.Name, use);
        }

        Stop(connection, pool, $"stop the storage pool '{call.PoolName}'");
        return PoolReader.Read(connection, pool) ?? before with { IsActive = false, CapacityBytes = 0, AllocatedBytes = 0, FreeBytes = 0 };
    }

    /// <summary>virStoragePoolUndefine.</summary>
    public static Done Remove(LibvirtConnection connection, RemovePool call)
    {
        using var pool = Find(connection, call.Id);
        if (pool is null || PoolReader.Read(connection, pool) is not { } before)
        {
            return default;
        }

        if (ImageUsesReader.Read(connection, without: "").FindUseOfPool(before.Name, before.Path) is { } use)
        {
            throw PoolDefinition.InUse(connection.Label, before.Name, use);
        }

        var action = $"remove the storage pool '{before.Name}'";
        var isPersistent = NativeStorage.virStoragePoolIsPersistent(pool) == 1;
        if (before.IsActive)
        {
            Stop(connection, pool, action);
        }

        if (isPersistent && NativeStorage.virStoragePoolUndefine(pool) != 0)
        {
            var failure = NativeError.Last();
            if (failure.Code is LibvirtCode.NoStoragePool)
            {
                return default;
            }

            if (before.IsActive)
            {
                _ = NativeStorage.virStoragePoolCreate(pool, 0);
            }

            throw connection.ToException(failure, action, CallKind.Write);
        }

        return default;
    }

    /// <summary>virStoragePoolSetAutostart.</summary>
    public static PoolReading SetAutostart(LibvirtConnection connection, SetPoolAutostart call)
    {
        using var pool = Get(connection, call.Id, call.PoolName);
        Check(
            connection, NativeStorage.virStoragePoolSetAutostart(pool, call.IsOn ? 1 : 0),
            $"set whether the storage pool '{call.PoolName}' is started with the host");
        return ReadAgain(connection, pool, call.PoolName);
    }

    /// <summary>virStoragePoolRefresh.</summary>
    public static PoolReading Refresh(LibvirtConnection connection, RefreshPool call)
    {
        using var pool = Get(connection, call.Id, call.Id.ToString());
        var name = VolumeStore.NameOf(pool);
        if (!IsActive(pool))
        {
            throw PoolDefinition.NotActive(connection.Label, name);
        }

        PoolReader.Refresh(connection, pool, name);
        return ReadAgain(connection, pool, name);
    }

    private static void EnsureFree(LibvirtConnection connection, PoolSpec spec)
    {
        foreach (var other in PoolReader.Read(connection))
        {
            if (other.Name == spec.Name)
            {
                throw PoolDefinition.Exists(connection.Label, spec.Name);
            }

            if (other.Path is { } path && ImagePath.Normalize(path) == PoolDefinition.PathOf(spec))
            {
                throw PoolDefinition.SamePlace(connection.Label, spec.Name, other.Name, path);
            }
        }
    }

    /// <summary>Which VM that runs uses what is in a pool, as a clause; null: none.</summary>
    private static string? FindRunningUse(LibvirtConnection connection, PoolReading pool)
    {
        var uses = new ImageUses();
        using var domains = VMDefiner.ListDomains(connection);
        foreach (var domain in domains.Where(domain => VMDefiner.IsActive(connection, domain)))
        {
            uses.AddDefinition(domain.Name, DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain)));
        }

        return uses.FindUseOfPool(pool.Name, pool.Path);
    }

    private static void Stop(LibvirtConnection connection, StoragePoolHandle pool, string action)
    {
        if (NativeStorage.virStoragePoolDestroy(pool) != 0)
        {
            var failure = Failed(connection, action);
            if (failure.OutcomeUnknown || IsActive(pool))
            {
                throw failure;
            }
        }

        connection.NoteChange();
    }

    private static bool IsActive(StoragePoolHandle pool) => NativeStorage.virStoragePoolIsActive(pool) == 1;

    private static PoolReading ReadAgain(LibvirtConnection connection, StoragePoolHandle pool, string name) =>
        PoolReader.Read(connection, pool) ?? throw PoolDefinition.IsGone(connection.Label, name);

    private static StoragePoolHandle Get(LibvirtConnection connection, Guid id, string name) =>
        Find(connection, id) ?? throw PoolDefinition.IsGone(connection.Label, name);

    /// <summary>virStoragePoolLookupByUUID. Null: the host has no such pool.</summary>
    private static StoragePoolHandle? Find(LibvirtConnection connection, Guid id)
    {
        byte* uuid = stackalloc byte[NativeDomain.UuidLength];
        _ = id.TryWriteBytes(new Span<byte>(uuid, NativeDomain.UuidLength), bigEndian: true, out _);
        var pointer = NativeStorage.virStoragePoolLookupByUUID(connection.Handle, uuid);
        if (pointer != 0)
        {
            return new StoragePoolHandle(pointer, connection.Handle);
        }

        var failure = NativeError.Last();
        return failure.Code is LibvirtCode.NoStoragePool
            ? null : throw connection.ToException(failure, "find a storage pool", CallKind.Read);
    }

    /// <summary>Whatever libvirt complains of here, and has no number of its own for, is a fault of the storage.</summary>
    private static HypervisorException Failed(LibvirtConnection connection, string action)
    {
        var failure = connection.Failed(action, CallKind.Write);
        return failure is { Error: HypervisorError.Other, OutcomeUnknown: false }
            ? new HypervisorException(
                failure.Message, FaultDomain.Storage, error: HypervisorError.StorageFailed, nativeCode: failure.NativeCode,
                recommendedAction: "Check the directory, the server or the volume group on that host, and that its libvirt has what such "
                    + "a storage pool needs.")
            : failure;
    }

    private static void Check(LibvirtConnection connection, int status, string action)
    {
        if (status != 0)
        {
            throw Failed(connection, action);
        }

        connection.NoteChange();
    }
}
