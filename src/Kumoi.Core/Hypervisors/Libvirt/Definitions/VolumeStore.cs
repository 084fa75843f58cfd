using System.Runtime.InteropServices;
using System.Xml.Linq;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>Makes and removes the volumes of VMs (libvirt-storage). Its methods block.</summary>
internal static unsafe class VolumeStore
{
    /// <summary>
    /// Where the copies of the disks will be that the domain writes to, without making them; the domain is changed to use them. Linked,
    /// they are overlays. A disk that cannot be copied fails with <see cref="HypervisorError.InvalidSpecification"/>.
    /// </summary>
    public static List<VolumePlan> PlanCopies(LibvirtConnection connection, XElement domain, bool linked)
    {
        List<VolumePlan> plans = [];
        foreach (var disk in DomainCopy.WritableDisks(domain))
        {
            var plan = PlanCopy(connection, disk, DomainCopy.DiskName(domain.Element("name")!.Value, plans.Count + 1));
            if (linked)
            {
                plan = Overlay(disk, plan);
                DomainCopy.SetFormat(disk, plan.Format);
            }

            DomainCopy.SetImage(disk, plan.Path);
            plans.Add(plan);
        }

        return plans;
    }

    /// <summary>
    /// Where one more volume of a VM will be, without making it: of this name, or else of the first of the VM's names that is free.
    /// </summary>
    public static VolumePlan PlanOne(LibvirtConnection connection, string poolName, string? name, string vm, string format, long bytes)
    {
        using var pool = GetPool(connection, poolName);
        for (var number = 1; name is null; number++)
        {
            var next = DomainCopy.DiskName(vm, number);
            using var existing = Find(connection, pool, next);
            name = existing is null ? next : null;
        }

        return Plan(connection, pool, poolName, name, format, bytes);
    }

    /// <summary>
    /// libvirt-storage: virStorageVolCreateXML; for a copy virStorageVolCreateXMLFrom, which takes as long as copying takes.
    /// </summary>
    public static void Create(LibvirtConnection connection, VolumePlan plan)
    {
        var action = $"make volume '{plan.Name}' in pool '{plan.Pool}'";
        using var pool = GetPool(connection, plan.Pool);
        using var original = plan.CopyOf is null ? null : FindByPath(connection, plan.CopyOf) ?? throw connection.ToException(
            new LibvirtFailure(LibvirtCode.NoStorageVolume, LibvirtOrigin.Storage, 0, $"the original '{plan.CopyOf}' is gone"), action,
            CallKind.Read);
        var pointer = original is null
            ? NativeStorage.virStorageVolCreateXML(pool, DomainXml.Volume(plan), 0)
            : NativeStorage.virStorageVolCreateXMLFrom(pool, DomainXml.Volume(plan), original, 0);
        if (pointer == 0)
        {
            throw connection.Failed(action, CallKind.Write);
        }

        connection.NoteChange();
        using var volume = new VolumeHandle(pointer, connection.Handle);
        var path = PathOf(connection, volume);
        if (!string.Equals(path, plan.Path, StringComparison.Ordinal))
        {
            _ = NativeStorage.virStorageVolDelete(volume, 0);
            throw new HypervisorException(
                $"Cannot {action} on {connection.Label}: it would be at '{path}', not at '{plan.Path}'.",
                FaultDomain.Storage,
                error: HypervisorError.StorageFailed,
                recommendedAction: "Use a storage pool whose volumes are files or logical volumes, or make the volume "
                    + "first and give its path.");
        }

        if (plan.GrowsTo is { } bytes)
        {
            connection.Change(NativeStorage.virStorageVolResize(volume, (ulong)bytes, 0), $"resize the volume '{plan.Name}'");
        }

        if (plan.Content is { } content)
        {
            VolumeContent.Write(connection, volume, content, $"write the volume '{plan.Name}'");
        }
    }

    /// <summary>
    /// Deletes a volume; one that is gone is fine. False: its storage pool deletes none (libvirt-storage: virStorageVolDelete).
    /// </summary>
    public static bool Delete(LibvirtConnection connection, VolumeHandle volume, string path)
    {
        if (NativeStorage.virStorageVolDelete(volume, 0) == 0)
        {
            connection.NoteChange();
            return true;
        }

        var failure = NativeError.Last();
        return failure.Code switch
        {
            LibvirtCode.NoStorageVolume => true,
            LibvirtCode.NoSupport or LibvirtCode.OperationUnsupported => false,
            _ => throw connection.ToException(failure, $"delete volume '{path}'", CallKind.Write),
        };
    }

    /// <summary>Null if the pool has no such volume; a pool that is not there fails.</summary>
    public static VolumeHandle? Find(LibvirtConnection connection, string poolName, string name)
    {
        using var pool = GetPool(connection, poolName);
        return Find(connection, pool, name);
    }

    /// <summary>libvirt-storage: virStorageVolGetPath.</summary>
    public static string PathOf(LibvirtConnection connection, VolumeHandle volume) =>
        NativeString.Take(NativeStorage.virStorageVolGetPath(volume)) ?? throw connection.Failed("read the path of a volume");

    /// <summary>
    /// Null if no storage pool has it (libvirt-storage: virStorageVolLookupByPath). Of files that libvirt itself has made for snapshots its
    /// pools do not know before they look again.
    /// </summary>
    public static VolumeHandle? FindByPath(LibvirtConnection connection, string path)
    {
        var found = LookUp(connection, path);
        if (found is null && SnapshotFileNames.BearsMark(path))
        {
            Refresh(connection, [ImagePath.DirectoryOf(path)]);
            found = LookUp(connection, path);
        }

        return found;
    }

    /// <summary>
    /// The active storage pools by their directories, which tell of every file in them; none where the host has no storage driver.
    /// </summary>
    public static Dictionary<string, string> ReadDirectories(LibvirtConnection connection)
    {
        const uint ActiveOnly = 1 << 1; // VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE
        var directories = new Dictionary<string, string>(StringComparer.Ordinal);
        using var pools = ListPools(connection, ActiveOnly);
        foreach (var pool in pools ?? [])
        {
            if (NativeString.Take(NativeStorage.virStoragePoolGetXMLDesc(pool, 0)) is { } xml
                && (string?)SafeXml.Parse(xml).Element("target")?.Element("path") is { Length: > 1 } directory)
            {
                directories.TryAdd(ImagePath.Normalize(directory), NameOf(pool));
            }
        }

        connection.EnsureWhole("list the storage pools");
        return directories;
    }

    /// <summary>
    /// Lets the storage pools of these directories look for files that others have made or removed there (libvirt-storage:
    /// virStoragePoolRefresh).
    /// </summary>
    public static void Refresh(LibvirtConnection connection, IEnumerable<string> directories)
    {
        var pools = ReadDirectories(connection);
        foreach (var name in directories.Select(directory => pools.GetValueOrDefault(directory)).OfType<string>().Distinct())
        {
            using var pool = GetPool(connection, name);
            if (NativeStorage.virStoragePoolRefresh(pool, 0) != 0)
            {
                throw connection.Failed($"look what is in the storage pool '{name}'");
            }
        }
    }

    /// <summary>libvirt-storage: virConnectListAllStoragePools. Null if that failed: then the error is libvirt's last.</summary>
    public static HandleList<StoragePoolHandle>? ListPools(LibvirtConnection connection, uint flags)
    {
        nint* pointers = null;
        var count = NativeStorage.virConnectListAllStoragePools(connection.Handle, &pointers, flags);
        if (count < 0)
        {
            return null;
        }

        var pools = new HandleList<StoragePoolHandle>();
        for (var i = 0; i < count; i++)
        {
            pools.Add(new StoragePoolHandle(pointers[i], connection.Handle));
        }

        NativeTypedParameters.Free(pointers);
        return pools;
    }

    public static string NameOf(StoragePoolHandle pool) => Marshal.PtrToStringUTF8((nint)NativeStorage.virStoragePoolGetName(pool)) ?? "";

    /// <summary>https://libvirt.org/formatstorage.html.</summary>
    public static XElement ReadXml(LibvirtConnection connection, VolumeHandle volume) => SafeXml.Parse(
        NativeString.Take(NativeStorage.virStorageVolGetXMLDesc(volume, 0)) ?? throw connection.Failed("read a volume"));

    private static VolumeHandle? LookUp(LibvirtConnection connection, string path)
    {
        var pointer = NativeStorage.virStorageVolLookupByPath(connection.Handle, path);
        if (pointer != 0)
        {
            return new VolumeHandle(pointer, connection.Handle);
        }

        var failure = NativeError.Last();
        return failure.Code is LibvirtCode.NoStorageVolume or LibvirtCode.NoStoragePool
            ? null
            : throw connection.ToException(failure, $"find volume '{path}'", CallKind.Read);
    }

    /// <summary>
    /// Where a new volume of a pool will be. A volume of that name, which may be somebody's data, fails with
    /// <see cref="HypervisorError.StorageFailed"/>.
    /// </summary>
    public static VolumePlan Plan(
        LibvirtConnection connection, StoragePoolHandle pool, string poolName, string name, string format, long bytes)
    {
        using var existing = Find(connection, pool, name);
        return existing is null
            ? new VolumePlan(poolName, name, PathInPool(connection, pool, poolName, name), format, bytes)
            : throw connection.ToException(
                new LibvirtFailure(LibvirtCode.StorageVolumeExists, LibvirtOrigin.Storage, 0, "a volume of that name exists"),
                $"make volume '{name}' in pool '{poolName}'",
                CallKind.Read);
    }

    private static VolumePlan PlanCopy(LibvirtConnection connection, XElement disk, string name)
    {
        var path = DomainCopy.ImageOf(disk) ?? throw DomainCopy.CannotCopy(disk, "it is neither a file nor a block device");
        using var original = FindByPath(connection, path) ?? throw DomainCopy.CannotCopy(disk, $"'{path}' is no volume of a storage pool");
        var volume = ReadXml(connection, original);
        if (disk.Descendants("encryption").Concat(volume.Descendants("encryption")).Any())
        {
            throw DomainCopy.CannotCopy(disk, "it is encrypted");
        }

        // What the guest wrote to a raw disk may look like another format to the pool: then a copy would hold what that header names.
        var format = (string?)disk.Element("driver")?.Attribute("type") ?? "raw";
        var formatInPool = (string?)volume.Element("target")?.Element("format")?.Attribute("type") ?? "raw";
        if (formatInPool is not "raw" && !string.Equals(formatInPool, format, StringComparison.Ordinal))
        {
            throw DomainCopy.CannotCopy(disk, $"to the VM '{path}' is {format}, to its storage pool {formatInPool}");
        }

        using var pool = GetPoolOf(connection, original, path);
        var poolName = NameOf(pool);
        var capacity = ScaledInteger.Read(volume.Element("capacity"), "bytes") ?? 0;
        return Plan(connection, pool, poolName, name, format, capacity) with
        {
            AllocationBytes = Math.Min(ScaledInteger.Read(volume.Element("allocation"), "bytes") ?? 0, capacity),
            CopyOf = path,
        };
    }

    private static VolumePlan Overlay(XElement disk, VolumePlan copy) => copy.Path.StartsWith("/dev/", StringComparison.Ordinal)
        ? throw DomainCopy.CannotLink(disk, copy.Pool)
        : copy with
        {
            Format = "qcow2",
            CapacityBytes = 0,
            AllocationBytes = 0,
            CopyOf = null,
            Template = copy.CopyOf,
            TemplateFormat = copy.Format,
        };

    public static StoragePoolHandle GetPool(LibvirtConnection connection, string name)
    {
        var pointer = NativeStorage.virStoragePoolLookupByName(connection.Handle, name);
        return pointer != 0 ? new StoragePoolHandle(pointer, connection.Handle) : throw connection.Failed($"find storage pool '{name}'");
    }

    private static StoragePoolHandle GetPoolOf(LibvirtConnection connection, VolumeHandle volume, string path)
    {
        var pointer = NativeStorage.virStoragePoolLookupByVolume(volume);
        return pointer != 0
            ? new StoragePoolHandle(pointer, connection.Handle) : throw connection.Failed($"find the storage pool of volume '{path}'");
    }

    private static VolumeHandle? Find(LibvirtConnection connection, StoragePoolHandle pool, string name)
    {
        var pointer = NativeStorage.virStorageVolLookupByName(pool, name);
        if (pointer != 0)
        {
            return new VolumeHandle(pointer, connection.Handle);
        }

        var failure = NativeError.Last();
        return failure.Code == LibvirtCode.NoStorageVolume
            ? null
            : throw connection.ToException(failure, $"find volume '{name}'", CallKind.Read);
    }

    private static string PathInPool(LibvirtConnection connection, StoragePoolHandle pool, string poolName, string volume)
    {
        var xml = NativeString.Take(NativeStorage.virStoragePoolGetXMLDesc(pool, 0))
            ?? throw connection.Failed($"read storage pool '{poolName}'");
        var directory = SafeXml.Parse(xml).Element("target")?.Element("path")?.Value ?? "";
        return $"{directory.TrimEnd('/')}/{volume}";
    }
}
