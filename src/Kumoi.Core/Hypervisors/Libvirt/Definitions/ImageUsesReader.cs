using System.Runtime.InteropServices;
using System.Xml;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>
/// Reads who uses the images of a host: all other VMs as they run and as they are defined, their snapshots and saved states, and the
/// volumes of all storage pools. Its methods block.
/// </summary>
internal static unsafe class ImageUsesReader
{
    private const uint InactiveXml = 1 << 1; // VIR_DOMAIN_XML_INACTIVE

    /// <summary>Everything that this connection can tell.</summary>
    /// <param name="connection">To the host.</param>
    /// <param name="without">The name of the VM that does not count.</param>
    public static ImageUses Read(LibvirtConnection connection, string without)
    {
        var uses = new ImageUses();
        using var domains = VMDefiner.ListDomains(connection);
        foreach (var domain in domains.Where(domain => !string.Equals(domain.Name, without, StringComparison.Ordinal)))
        {
            AddDefinitions(connection, uses, domain);
        }

        AddPools(connection, uses);
        return uses;
    }

    private static void AddDefinitions(LibvirtConnection connection, ImageUses uses, DomainHandle domain)
    {
        var what = $"the definition of the VM '{domain.Name}' could not be read";
        AddDefinition(connection, uses, domain.Name, NativeDomain.virDomainGetXMLDesc(domain, 0), what);
        AddDefinition(connection, uses, domain.Name, NativeDomain.virDomainGetXMLDesc(domain, InactiveXml), what);
        if (ManagedSave.IsThere(connection, domain))
        {
            AddSavedState(connection, uses, domain);
        }

        if (NativeSnapshot.virDomainSnapshotNum(domain, 0) > 0)
        {
            AddSnapshots(connection, uses, domain);
        }
    }

    private static void AddSavedState(LibvirtConnection connection, ImageUses uses, DomainHandle domain)
    {
        var text = NativeDomain.virDomainManagedSaveGetXMLDesc(domain, 0);
        if (text != null || NativeError.Last().Code is not LibvirtCode.NoSupport)
        {
            AddDefinition(connection, uses, domain.Name, text, $"the saved state of the VM '{domain.Name}' could not be read");
        }
    }

    private static void AddSnapshots(LibvirtConnection connection, ImageUses uses, DomainHandle domain)
    {
        var what = $"the snapshots of the VM '{domain.Name}' could not be read";
        nint* pointers = null;
        var count = NativeSnapshot.virDomainListAllSnapshots(domain, &pointers, 0);
        if (count < 0)
        {
            NoteFailure(connection, uses, what, LibvirtCode.NoDomain);
            return;
        }

        using var snapshots = new HandleList<SnapshotHandle>();
        for (var i = 0; i < count; i++)
        {
            snapshots.Add(new SnapshotHandle(pointers[i], connection.Handle));
        }

        NativeTypedParameters.Free(pointers);
        foreach (var snapshot in snapshots)
        {
            AddDefinition(connection, uses, domain.Name, NativeSnapshot.virDomainSnapshotGetXMLDesc(snapshot, 0), what);
        }
    }

    private static void AddDefinition(LibvirtConnection connection, ImageUses uses, string vm, byte* text, string what)
    {
        if (text == null)
        {
            NoteFailure(connection, uses, what, LibvirtCode.NoDomain);
            return;
        }

        try
        {
            uses.AddDefinition(vm, SafeXml.Parse(NativeString.Take(text)!));
        }
        catch (XmlException)
        {
            uses.AddUnknown(what);
        }
    }

    private static void AddPools(LibvirtConnection connection, ImageUses uses)
    {
        using var pools = VolumeStore.ListPools(connection, 0);
        if (pools is null)
        {
            NoteFailure(connection, uses, "the storage pools could not be listed", LibvirtCode.NoSupport);
            return;
        }

        foreach (var pool in pools)
        {
            AddVolumes(connection, uses, pool);
        }
    }

    private static void AddVolumes(LibvirtConnection connection, ImageUses uses, StoragePoolHandle pool)
    {
        var poolName = VolumeStore.NameOf(pool);
        if (NativeStorage.virStoragePoolIsActive(pool) == 0)
        {
            uses.AddUnknown($"the storage pool '{poolName}' is not active");
            return;
        }

        nint* pointers = null;
        var count = NativeStorage.virStoragePoolListAllVolumes(pool, &pointers, 0);
        if (count < 0)
        {
            NoteFailure(connection, uses, $"the volumes of the storage pool '{poolName}' could not be listed", LibvirtCode.NoStoragePool);
            return;
        }

        using var volumes = new HandleList<VolumeHandle>();
        for (var i = 0; i < count; i++)
        {
            volumes.Add(new VolumeHandle(pointers[i], connection.Handle));
        }

        NativeTypedParameters.Free(pointers);
        foreach (var volume in volumes)
        {
            AddVolume(connection, uses, poolName, volume);
        }
    }

    private static void AddVolume(LibvirtConnection connection, ImageUses uses, string pool, VolumeHandle volume)
    {
        var name = Marshal.PtrToStringUTF8((nint)NativeStorage.virStorageVolGetName(volume)) ?? "";
        var what = $"the volume '{name}' of the storage pool '{pool}' could not be read";
        var text = NativeString.Take(NativeStorage.virStorageVolGetXMLDesc(volume, 0));
        if (text is null)
        {
            NoteFailure(connection, uses, what, LibvirtCode.NoStorageVolume);
            return;
        }

        try
        {
            var xml = SafeXml.Parse(text);
            var backing = xml.Element("backingStore");
            uses.AddVolume(
                pool, name, (string?)xml.Element("target")?.Element("path") ?? VolumeStore.PathOf(connection, volume),
                (string?)backing?.Element("path"),
                (string?)backing?.Element("format")?.Attribute("type"));
        }
        catch (XmlException)
        {
            uses.AddUnknown(what);
        }
    }

    /// <summary>Of the call that just failed: what went away meanwhile uses nothing.</summary>
    private static void NoteFailure(LibvirtConnection connection, ImageUses uses, string what, LibvirtCode gone)
    {
        var failure = NativeError.Last();
        if (failure.Code == gone)
        {
            return;
        }

        if (connection.Loss is not null)
        {
            throw connection.ToException(failure, "read who uses the disk images", CallKind.Read);
        }

        uses.AddUnknown($"{what}: {failure.Message}");
    }
}
