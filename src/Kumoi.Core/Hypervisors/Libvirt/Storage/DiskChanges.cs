using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Definitions;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;
using static Kumoi.Hypervisors.Libvirt.Definitions.DeviceChange;

namespace Kumoi.Hypervisors.Libvirt.Storage;

/// <summary>Changes the disks of VMs (libvirt-domain). Its methods block, and tell what is not certain in sentences.</summary>
internal static class DiskChanges
{
    private const uint Force = 1 << 2; // VIR_DOMAIN_DEVICE_MODIFY_FORCE

    private const uint InBytes = 1 << 0; // VIR_DOMAIN_BLOCK_RESIZE_BYTES

    /// <summary>virDomainAttachDeviceFlags: now and in the definition, or neither.</summary>
    public static (DiskReading Result, IReadOnlyList<string> Warnings) Add(LibvirtConnection connection, AddDisk call)
    {
        using var domain = connection.GetDomain(call.Id);
        var (now, definition) = ReadBoth(connection, domain);
        var format = DiskDefinition.FormatOf(call.Disk);
        List<string> warnings = [];
        VolumePlan? made = null;
        if (call.Disk.Path is { } path)
        {
            warnings.AddRange(EnsureImage(connection, path));
            if (!call.Disk.IsReadOnly && ImageUsesReader.Read(connection, without: "").FindKnownUse(path) is { } use)
            {
                throw Refuse(
                    $"'{path}' on {connection.Label} cannot become a disk of '{domain.Name}': {use}.",
                    "Use -ReadOnly, another image, or a new volume (-SizeBytes).");
            }
        }
        else
        {
            made = VolumeStore.PlanOne(
                connection, call.Disk.StoragePool, call.Disk.VolumeName, domain.Name, format, call.Disk.NewVolumeBytes!.Value);
            VolumeStore.Create(connection, made);
        }

        try
        {
            var isQemu = (string?)(now ?? definition)?.Attribute("type") is "kvm" or "qemu";
            var disk = DiskDefinition.Build(
                call.Disk, made?.Path ?? call.Disk.Path!, format, isQemu, new[] { now, definition }.OfType<XElement>());
            connection.Change(NativeDomain.virDomainAttachDeviceFlags(domain, disk.ToString(), Impact(now, definition)),
                $"add the disk '{DiskDefinition.TargetOf(disk)}' to VM '{domain.Name}'");
            var after = DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain));
            return (DiskReader.Read(domain, DiskDefinition.Find(after, DiskDefinition.TargetOf(disk)) ?? disk), warnings);
        }
        catch (HypervisorException e) when (made is not null && !e.OutcomeUnknown)
        {
            using var volume = VolumeStore.Find(connection, made.Pool, made.Name);
            if (volume is not null)
            {
                VolumeStore.Delete(connection, volume, made.Path);
            }

            throw;
        }
    }

    /// <summary>
    /// virDomainDetachDeviceFlags: first from the guest, and from the definition only when it has let go. A cancellation ends the waiting.
    /// </summary>
    public static (Done Result, IReadOnlyList<string> Warnings) Remove(
        LibvirtConnection connection, RemoveDisk call, CancellationToken cancellationToken)
    {
        using var domain = connection.GetDomain(call.Id);
        var (now, definition) = ReadBoth(connection, domain);
        var live = now is null ? null : DiskDefinition.Find(now, call.Target);
        var defined = definition is null ? null : DiskDefinition.Find(definition, call.Target);
        if ((live ?? defined) is { } there)
        {
            DiskDefinition.EnsureIs(there, domain.Name, call.Target, call.Path);
        }

        if (live is not null)
        {
            connection.Change(NativeDomain.virDomainDetachDeviceFlags(domain, live.ToString(), Now),
                $"remove the disk '{call.Target}' from VM '{domain.Name}'");
            WaitUntilGone(
                connection, domain, $"the disk '{call.Target}'", xml => DiskDefinition.Find(xml, call.Target),
                "Unmount it in the guest; it may let go later: look with Get-KumoiDisk, and remove it again. "
                    + "Or stop the VM, and remove it then.",
                cancellationToken);
        }

        if (defined is not null)
        {
            connection.Change(NativeDomain.virDomainDetachDeviceFlags(domain, defined.ToString(), InDefinition),
                $"remove the disk '{call.Target}' from the definition of VM '{domain.Name}'");
        }

        return (default, call is { DeleteVolume: true, Path: { } path }
            ? SnapshotFiles.RemoveUnneeded(
                connection, SnapshotFiles.ReadUses(connection, domain, butSnapshot: null, [path]), [path])
            : []);
    }

    /// <summary>virDomainBlockResize of a VM that is not off; else virStorageVolResize.</summary>
    public static unsafe DiskReading Resize(LibvirtConnection connection, ResizeDisk call)
    {
        using var domain = connection.GetDomain(call.Id);
        var (now, definition) = ReadBoth(connection, domain);
        var disk = DiskDefinition.Find(now ?? definition!, call.Target);
        DiskDefinition.EnsureIs(disk, domain.Name, call.Target, call.Path);
        var reading = DiskReader.Read(domain, disk!);
        if (reading.IsReadOnly || reading.CapacityBytes is not { } bytes)
        {
            throw Refuse(
                $"The disk '{call.Target}' of '{domain.Name}' cannot be resized: "
                    + (reading.IsReadOnly ? "it is read-only." : $"{connection.Label} does not tell how big it is."),
                "Resize its image where it is kept.");
        }

        if (call.Bytes < bytes)
        {
            throw DiskDefinition.Shrinks(domain.Name, call.Target, bytes, call.Bytes);
        }

        var action = $"resize the disk '{call.Target}' of VM '{domain.Name}'";
        if (call.Bytes > bytes && now is not null)
        {
            connection.Change(NativeDomain.virDomainBlockResize(domain, call.Target, (ulong)call.Bytes, InBytes), action);
        }
        else if (call.Bytes > bytes)
        {
            using var volume = call.Path is null ? null : VolumeStore.FindByPath(connection, call.Path);
            if (volume is null)
            {
                throw Refuse(
                    $"Cannot {action} while it is off: '{call.Path}' is in no active storage pool of {connection.Label}.",
                    "Start the VM, or make a storage pool of the directory where the image is.");
            }

            connection.Change(NativeStorage.virStorageVolResize(volume, (ulong)call.Bytes, 0), action);
        }

        return DiskReader.Read(domain, disk!);
    }

    /// <summary>virDomainUpdateDeviceFlags: now and in the definition, or neither.</summary>
    public static (DiskReading Result, IReadOnlyList<string> Warnings) SetCdDrive(LibvirtConnection connection, SetCdDrive call)
    {
        using var domain = connection.GetDomain(call.Id);
        var (now, definition) = ReadBoth(connection, domain);
        var drive = DiskDefinition.CdDrive(now ?? definition!, call.Target);
        var warnings = call.Path is { } path ? EnsureImage(connection, path) : [];
        var target = DiskDefinition.TargetOf(drive);
        var impact = Impact(now, definition is not null && DiskDefinition.Find(definition, target) is not null ? definition : null);
        connection.Change(
            NativeDomain.virDomainUpdateDeviceFlags(
                domain, DiskDefinition.WithDisc(drive, call.Path).ToString(), impact | (call.Force ? Force : 0)),
            call.Path is null ? $"eject the disc of the drive '{target}' of VM '{domain.Name}'"
                : $"put '{call.Path}' into the drive '{target}' of VM '{domain.Name}'");
        var after = DomainDefinition.Parse(DomainCalls.ReadXml(connection, domain));
        return (DiskReader.Read(domain, DiskDefinition.Find(after, target) ?? drive), warnings);
    }

    /// <summary>An image that is known to be missing is refused; one of which nobody knows is told.</summary>
    private static IReadOnlyList<string> EnsureImage(LibvirtConnection connection, string path)
    {
        var directory = ImagePath.DirectoryOf(path);
        if (!VolumeStore.ReadDirectories(connection).ContainsKey(directory))
        {
            return [$"'{path}' is in no active storage pool of {connection.Label}: it is not known whether it is there."];
        }

        VolumeStore.Refresh(connection, [directory]);
        using var volume = VolumeStore.FindByPath(connection, ImagePath.Normalize(path));
        return volume is not null ? [] : throw new HypervisorException(
            $"There is no '{path}' on {connection.Label}.", FaultDomain.Storage, error: HypervisorError.StorageFailed,
            recommendedAction: "Give the path of an image that is there ('virsh vol-list' shows what is in a storage pool).");
    }

    private static HypervisorException Refuse(string message, string action) =>
        new(message, FaultDomain.VM, error: HypervisorError.InvalidState, recommendedAction: action);
}
