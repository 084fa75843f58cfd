using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt;

/// <summary>Makes and removes the volumes of VMs (libvirt-storage). Its methods block.</summary>
internal static unsafe class VolumeStore
{
    /// <summary>
    /// Where the new volumes of a VM will be, without making them. A volume of that name, which may be somebody's data, fails with
    /// <see cref="HypervisorError.StorageFailed"/>.
    /// </summary>
    public static Dictionary<int, VolumePlan> Plan(LibvirtConnection connection, VMSpec spec)
    {
        Dictionary<int, VolumePlan> plans = [];
        for (int i = 0; i < spec.Disks.Count; i++)
        {
            if (spec.Disks[i] is not { NewVolumeBytes: { } bytes } disk)
            {
                continue;
            }

            string name = $"{spec.Name}-{i + 1}";
            using StoragePoolHandle pool = GetPool(connection, disk.StoragePool);
            if (Find(connection, pool, name) is { } existing)
            {
                existing.Dispose();
                throw connection.ToException(
                    new LibvirtFailure(LibvirtCode.StorageVolumeExists, LibvirtOrigin.Storage, 0, "a volume of that name exists"),
                    $"make volume '{name}' in pool '{disk.StoragePool}'",
                    CallKind.Read);
            }

            plans[i] = new VolumePlan(disk.StoragePool, name, PathInPool(connection, pool, disk.StoragePool, name), DomainXml.FormatOf(disk), bytes);
        }

        return plans;
    }

    /// <summary>libvirt-storage: virStorageVolCreateXML.</summary>
    public static void Create(LibvirtConnection connection, VolumePlan plan)
    {
        string action = $"make volume '{plan.Name}' in pool '{plan.Pool}'";
        using StoragePoolHandle pool = GetPool(connection, plan.Pool);
        nint pointer = NativeStorage.virStorageVolCreateXML(pool, DomainXml.Volume(plan), 0);
        if (pointer == 0)
        {
            throw connection.Failed(action, CallKind.Change);
        }

        using VolumeHandle volume = new(pointer, connection.Handle);
        string? path = NativeString.Take(NativeStorage.virStorageVolGetPath(volume));
        if (!string.Equals(path, plan.Path, StringComparison.Ordinal))
        {
            throw new HypervisorException(
                $"Cannot {action} on {connection.Label}: it would be at '{path}', not at '{plan.Path}'.",
                FaultDomain.Storage,
                error: HypervisorError.StorageFailed,
                recommendedAction: "Use a storage pool whose volumes are files or logical volumes, or make the volume first and give its path.");
        }
    }

    /// <summary>Deletes a volume; one that is not there is fine (libvirt-storage: virStorageVolDelete).</summary>
    public static void Delete(LibvirtConnection connection, string poolName, string name)
    {
        using StoragePoolHandle pool = GetPool(connection, poolName);
        using VolumeHandle? volume = Find(connection, pool, name);
        if (volume is not null)
        {
            Delete(connection, volume, $"volume '{name}' in pool '{poolName}'");
        }
    }

    /// <summary>Deletes the volume at a path; an image that is in no pool is left alone.</summary>
    public static void DeleteByPath(LibvirtConnection connection, string path)
    {
        nint pointer = NativeStorage.virStorageVolLookupByPath(connection.Handle, path);
        if (pointer != 0)
        {
            using VolumeHandle volume = new(pointer, connection.Handle);
            Delete(connection, volume, $"volume '{path}'");
            return;
        }

        LibvirtFailure failure = NativeError.Last();
        if (failure.Code is not (LibvirtCode.NoStorageVolume or LibvirtCode.NoStoragePool))
        {
            throw connection.ToException(failure, $"find volume '{path}'", CallKind.Read);
        }
    }

    private static void Delete(LibvirtConnection connection, VolumeHandle volume, string what)
    {
        if (NativeStorage.virStorageVolDelete(volume, 0) == 0)
        {
            return;
        }

        LibvirtFailure failure = NativeError.Last();
        if (failure.Code != LibvirtCode.NoStorageVolume)
        {
            throw connection.ToException(failure, $"delete {what}", CallKind.Change);
        }
    }

    private static StoragePoolHandle GetPool(LibvirtConnection connection, string name)
    {
        nint pointer = NativeStorage.virStoragePoolLookupByName(connection.Handle, name);
        return pointer != 0 ? new StoragePoolHandle(pointer, connection.Handle) : throw connection.Failed($"find storage pool '{name}'");
    }

    private static VolumeHandle? Find(LibvirtConnection connection, StoragePoolHandle pool, string name)
    {
        nint pointer = NativeStorage.virStorageVolLookupByName(pool, name);
        if (pointer != 0)
        {
            return new VolumeHandle(pointer, connection.Handle);
        }

        LibvirtFailure failure = NativeError.Last();
        return failure.Code == LibvirtCode.NoStorageVolume
            ? null
            : throw connection.ToException(failure, $"find volume '{name}'", CallKind.Read);
    }

    private static string PathInPool(LibvirtConnection connection, StoragePoolHandle pool, string poolName, string volume)
    {
        string xml = NativeString.Take(NativeStorage.virStoragePoolGetXMLDesc(pool, 0))
            ?? throw connection.Failed($"read storage pool '{poolName}'");
        string directory = SafeXml.Parse(xml).Element("target")?.Element("path")?.Value ?? "";
        return $"{directory.TrimEnd('/')}/{volume}";
    }
}
