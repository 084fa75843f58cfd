using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Snapshots;

/// <summary>
/// Removes snapshots. The newest external one of a VM that runs is merged by Kumoi, which shows how far it is and can be stopped;
/// libvirt's own removal does neither.
/// </summary>
internal static class SnapshotRemoval
{
    public static async Task<Done> RemoveAsync(LibvirtLink host, RemoveSnapshot call, CancellationToken cancellationToken)
    {
        CallWarnings.Tell(await host.KeepAsync(host.RunJobAsync(connection => Remove(connection, call, cancellationToken))));
        return default;
    }

    /// <summary>A sentence for each file that stays.</summary>
    private static List<string> Remove(LibvirtConnection connection, RemoveSnapshot call, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var domain = connection.GetDomain(call.Id);
        using var handle = SnapshotReader.Find(connection, domain, call.Snapshot);
        if (handle is null)
        {
            return [];
        }

        var snapshot = SnapshotReader.ReadSecure(connection, handle);
        var reading = SnapshotDefinition.Read(snapshot, SnapshotReader.IsCurrent(handle));
        var overlays = SnapshotDefinition.Overlays(snapshot).ToList();
        if (reading.Kind is SnapshotKind.Internal || overlays.Exists(static disk => disk.Overlay is null))
        {
            DeleteByLibvirt(connection, domain, handle, reading.Name);
            return [];
        }

        var files = SnapshotFiles.Of(snapshot).ToList();
        var hasChildren = SnapshotReader.Read(connection, domain).Any(other => other.Parent == reading.Name);
        var uses = SnapshotFiles.ReadUses(connection, domain, reading.Name, files);
        var now = DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain));
        var inUse = overlays.Where(disk => IsInUse(uses, now, disk.Target, disk.Overlay!)).ToList();
        if (overlays.Count > 0 && inUse.Count == 0 && hasChildren && !reading.IsHalfRemoved)
        {
            throw Refuse(
                $"'{reading.Name}' of '{domain.Name}' cannot be removed alone: the snapshots that were made after it need its files, and "
                    + "the VM does not use them now.",
                "Remove it with those: Remove-KumoiSnapshot -IncludeChildren.");
        }

        if (inUse.Count > 0)
        {
            EnsureNobodyElse(domain, reading.Name, uses, inUse);
            var isNewest = !hasChildren && inUse.TrueForAll(
                disk => SnapshotDefinition.DiskOf(now, disk.Target) is { } current && DomainCopy.ImageOf(current) == disk.Overlay);
            if (!isNewest || !VMDefiner.IsActive(connection, domain))
            {
                DeleteByLibvirt(connection, domain, handle, reading.Name);
                return RemoveFiles(connection, domain, reading.Name, files);
            }

            string[] disks = [.. inUse.Select(static disk => disk.Target)];
            foreach (var disk in disks)
            {
                _ = SnapshotMerge.IsUnderWay(connection, domain, disk, reading.IsHalfRemoved);
            }

            // There is no way back to it from the first block that is merged.
            SnapshotDefinition.MarkHalfRemoved(snapshot);
            SnapshotRenaming.Define(connection, domain, snapshot, reading.IsCurrent);
            SnapshotMerge.Run(connection, domain, disks, reading.IsHalfRemoved, call.Progress, cancellationToken);
        }

        // First the files: what fails then can be done again.
        var warnings = RemoveFiles(connection, domain, reading.Name, files);
        SnapshotRenaming.Forget(connection, domain, handle, reading.Name);
        return warnings;
    }

    private static List<string> RemoveFiles(LibvirtConnection connection, DomainHandle domain, string snapshot, List<string> files) =>
        SnapshotFiles.RemoveUnneeded(connection, SnapshotFiles.ReadUses(connection, domain, snapshot, files), files);

    private static bool IsInUse(ImageUses uses, XElement now, string target, string overlay) =>
        SnapshotDefinition.DiskOf(now, target) is { } disk && DomainCopy.ImageOf(disk) is { } image
        && uses.ChainOf(image).Contains(ImagePath.Normalize(overlay));

    /// <summary>What is merged into an image changes it for all that is built on it.</summary>
    private static void EnsureNobodyElse(DomainHandle domain, string name, ImageUses uses, List<(string Target, string? Overlay)> overlays)
    {
        foreach (var (target, overlay) in overlays)
        {
            if (uses.ChainOf(overlay!) is not [_, var image, ..])
            {
                throw Refuse(
                    $"'{name}' of '{domain.Name}' cannot be removed: it is not known what '{overlay}', its disk '{target}', is built on.",
                    "Make a storage pool of the directory where the images are, and start it ('virsh pool-create-as').");
            }

            if (uses.BuiltOn(image).FirstOrDefault(other => other != ImagePath.Normalize(overlay!)) is { } other)
            {
                throw Refuse(
                    $"'{name}' of '{domain.Name}' cannot be removed: '{other}' is built on '{image}' too, into which it would be merged.",
                    "Remove first the snapshots that were made after it, or what else is built on that image.");
            }
        }
    }

    /// <summary>libvirt-domain-snapshot: virDomainSnapshotDelete.</summary>
    private static void DeleteByLibvirt(LibvirtConnection connection, DomainHandle domain, SnapshotHandle snapshot, string name)
    {
        if (NativeSnapshot.virDomainSnapshotDelete(snapshot, 0) != 0
            && NativeError.Last() is { Code: not LibvirtCode.NoSnapshot } failure)
        {
            throw connection.ToException(failure, $"remove the snapshot '{name}' of VM '{domain.Name}'", CallKind.Write);
        }

        connection.NoteChange();
    }

    private static HypervisorException Refuse(string message, string action) =>
        new(message, FaultDomain.VM, error: HypervisorError.InvalidState, recommendedAction: action);
}
