using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Snapshots;

/// <summary>Changes what libvirt knows of snapshots: it defines them anew. Its methods block.</summary>
internal static class SnapshotRenaming
{
    // virDomainSnapshotCreateFlags
    private const uint Anew = 1 << 0;
    private const uint Current = 1 << 1;

    private const uint RecordOnly = 1 << 1; // VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY

    /// <summary>
    /// The new one is there before the old one goes: if it ends in between, both have the same files, which are removed with the last of
    /// them, and the same rename can be done again.
    /// </summary>
    public static void Rename(LibvirtConnection connection, DomainHandle domain, RenameSnapshot call)
    {
        using var old = SnapshotReader.Get(connection, domain, call.Snapshot);
        var snapshot = SnapshotReader.ReadSecure(connection, old);
        var reading = SnapshotDefinition.Read(snapshot, SnapshotReader.IsCurrent(old));
        if (reading.Kind is SnapshotKind.Internal)
        {
            throw new HypervisorException(
                $"'{reading.Name}' of '{domain.Name}' cannot be renamed: it is kept within the disk images, which hold its name, and the "
                    + "hypervisor cannot change it there.",
                FaultDomain.VM, error: HypervisorError.NotSupported,
                recommendedAction: "Restore it, make another with the new name (Checkpoint-KumoiVM), and remove it.");
        }

        using (var taken = SnapshotReader.Find(connection, domain, call.NewName))
        {
            if (taken is not null && !IsHalfRenamed(snapshot, SnapshotReader.ReadSecure(connection, taken)))
            {
                throw new HypervisorException(
                    $"'{domain.Name}' on {connection.Label} already has a snapshot '{call.NewName}'.", FaultDomain.VM,
                    error: HypervisorError.SnapshotExists, recommendedAction: "Choose another name.");
            }
        }

        snapshot.SetElementValue("name", call.NewName);
        Define(connection, domain, snapshot, reading.IsCurrent);
        foreach (var child in SnapshotReader.Read(connection, domain).Where(child => child.Parent == call.Snapshot.Name))
        {
            using var handle = SnapshotReader.Get(connection, domain, child.Key);
            var definition = SnapshotReader.ReadSecure(connection, handle);
            definition.Element("parent")!.SetElementValue("name", call.NewName);
            Define(connection, domain, definition, child.IsCurrent);
        }

        Forget(connection, domain, old, call.Snapshot.Name);
    }

    /// <summary>libvirt-domain-snapshot: virDomainSnapshotCreateXML, of one that there is.</summary>
    public static void Define(LibvirtConnection connection, DomainHandle domain, XElement snapshot, bool isCurrent)
    {
        var pointer = NativeSnapshot.virDomainSnapshotCreateXML(domain, snapshot.ToString(), Anew | (isCurrent ? Current : 0));
        if (pointer == 0)
        {
            throw connection.Failed(
                $"define the snapshot '{SnapshotDefinition.NameOf(snapshot)}' of VM '{domain.Name}'", CallKind.Write);
        }

        connection.NoteChange();
        _ = NativeSnapshot.virDomainSnapshotFree(pointer);
    }

    /// <summary>libvirt-domain-snapshot: virDomainSnapshotDelete, of what libvirt knows only: no file changes.</summary>
    public static void Forget(LibvirtConnection connection, DomainHandle domain, SnapshotHandle snapshot, string name)
    {
        if (NativeSnapshot.virDomainSnapshotDelete(snapshot, RecordOnly) != 0
            && NativeError.Last() is { Code: not LibvirtCode.NoSnapshot } failure)
        {
            throw connection.ToException(failure, $"remove the snapshot '{name}' of VM '{domain.Name}'", CallKind.Write);
        }
    }

    private static bool IsHalfRenamed(XElement old, XElement taken) =>
        SnapshotDefinition.CreatedAt(old) == SnapshotDefinition.CreatedAt(taken)
        && SnapshotDefinition.MemoryFile(old) == SnapshotDefinition.MemoryFile(taken)
        && SnapshotDefinition.Overlays(old).SequenceEqual(SnapshotDefinition.Overlays(taken));
}
