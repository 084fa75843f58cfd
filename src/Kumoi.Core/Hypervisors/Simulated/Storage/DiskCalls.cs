using System.Xml.Linq;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Storage;

/// <summary>
/// Calls on the disks of VMs. Simulated hosts have no images: every file that is named is there, and has
/// <see cref="SimulatedHost.ImageBytes"/> or 10 GiB; guests let go of disks at once.
/// </summary>
internal static class DiskCalls
{
    public static void AddTo(CallTable<SimulatedLink> calls) => calls
        .Add(static (SimulatedLink link, ReadDisks call, CancellationToken token) => link.Call(() => Read(link, call), token))
        .Add(static (SimulatedLink link, AddDisk call, CancellationToken token) => link.Call(() => Add(link, call), token))
        .Add(static (SimulatedLink link, RemoveDisk call, CancellationToken token) => RemoveAsync(link, call, token))
        .Add(static (SimulatedLink link, ResizeDisk call, CancellationToken token) => link.Call(() => Resize(link, call), token))
        .Add(static (SimulatedLink link, SwitchDisk call, CancellationToken token) => SwitchAsync(link, call, token))
        .Add(static (SimulatedLink link, AbandonDiskCopy call, CancellationToken token) => link.Call(
            () =>
            {
                _ = link.Existing(call.Id); // nothing is copied behind anybody's back
                return default(Done);
            },
            token))
        .Add(static (SimulatedLink link, SetDisk call, CancellationToken token) => link.Call(() => Set(link, call), token))
        .Add(static (SimulatedLink link, SetCdDrive call, CancellationToken token) => link.Call(() => Set(link, call), token));

    private static IReadOnlyList<DiskReading> Read(SimulatedLink link, ReadDisks call) =>
        [.. DiskDefinition.Of(link.Existing(call.Id).ToXml()).Select(disk => Read(link, disk))];

    private static DiskReading Read(SimulatedLink link, XElement disk) => SimulatedImages.Read(link.Host, disk);

    private static DiskReading Add(SimulatedLink link, AddDisk call)
    {
        var vm = SimulatedDevices.Staying(link, call.Id);
        var definition = SimulatedDevices.CopyOf(vm);
        var path = call.Disk.Path ?? SimulatedImages.PathOf(
            link.Host, call.Disk.StoragePool, call.Disk.VolumeName ?? SimulatedImages.FreeName(link.Host, vm, call.Disk.StoragePool));
        if (call.Disk.Path is null && link.Host.Volumes.Exists(volume => volume.Path == path))
        {
            throw VolumeDefinition.Exists(link.HostName, call.Disk.StoragePool, call.Disk.VolumeName!);
        }

        if (!call.Disk.IsReadOnly && link.Host.VMs.Values.FirstOrDefault(other => Uses(other, path)) is { } user)
        {
            throw new HypervisorException(
                $"'{path}' on {link.HostName} cannot become a disk of '{vm.Name}': the VM '{user.Name}' uses it.", FaultDomain.VM,
                error: HypervisorError.InvalidState,
                recommendedAction: "Use -ReadOnly, another image, or a new volume (-SizeBytes).");
        }

        if (call.Disk.NewVolumeBytes is { } bytes)
        {
            SimulatedPool.EnsureRoom(link.Host, call.Disk.StoragePool, path, bytes);
            link.Host.ImageBytes[path] = bytes;
            link.Host.Volumes.Add(new SimulatedVolume(
                call.Disk.StoragePool, path[(path.LastIndexOf('/') + 1)..], path, DiskDefinition.FormatOf(call.Disk), bytes));
        }

        var disk = DiskDefinition.Build(call.Disk, path, DiskDefinition.FormatOf(call.Disk), isQemu: false, [definition]);
        definition.Element("devices")!.Add(disk);
        vm.Definition = definition;
        return Read(link, disk);
    }

    private static async Task<Done> RemoveAsync(SimulatedLink link, RemoveDisk call, CancellationToken cancellationToken)
    {
        CallWarnings.Tell(await link.Call(() => Remove(link, call), cancellationToken));
        return default;
    }

    private static IReadOnlyList<string> Remove(SimulatedLink link, RemoveDisk call)
    {
        var vm = SimulatedDevices.Staying(link, call.Id);
        var definition = SimulatedDevices.CopyOf(vm);
        if (DiskDefinition.Find(definition, call.Target) is not { } disk)
        {
            return [];
        }

        DiskDefinition.EnsureIs(disk, vm.Name, call.Target, call.Path);
        disk.Remove();
        vm.Definition = definition;
        if (call is not { DeleteVolume: true, Path: { } path })
        {
            return [];
        }

        var kept = SimulatedImages.JudgeRemoval(link.Host, vm, [path]);
        if (kept.Count == 0)
        {
            link.Host.Volumes.RemoveAll(volume => volume.Path == path);
        }

        return kept;
    }

    private static DiskReading Resize(SimulatedLink link, ResizeDisk call)
    {
        var vm = SimulatedDevices.Staying(link, call.Id);
        var disk = DiskDefinition.Find(SimulatedDevices.CopyOf(vm), call.Target);
        DiskDefinition.EnsureIs(disk, vm.Name, call.Target, call.Path);
        if (call.Path is null || DiskDefinition.Read(disk!).IsReadOnly)
        {
            throw new HypervisorException(
                $"The disk '{call.Target}' of '{vm.Name}' cannot be resized: it is read-only, or empty.", FaultDomain.VM,
                error: HypervisorError.InvalidState, recommendedAction: "Resize its image where it is kept.");
        }

        if (call.Bytes < BytesOf(link, call.Path))
        {
            throw DiskDefinition.Shrinks(vm.Name, call.Target, BytesOf(link, call.Path), call.Bytes);
        }

        link.Host.ImageBytes[call.Path] = call.Bytes;
        return Read(link, disk!);
    }

    /// <summary>A host that is told to stop has not gone over.</summary>
    private static async Task<Done> SwitchAsync(SimulatedLink link, SwitchDisk call, CancellationToken cancellationToken)
    {
        var bytes = await link.Call(() => Find(link, call).Bytes, cancellationToken);
        call.Progress?.Report(new CopyProgress(bytes, bytes / 2));
        return await link.Call(
            () =>
            {
                var (vm, definition, disk, _) = Find(link, call);
                DomainCopy.Redirect(disk, call.NewPath, call.Format);
                vm.Definition = definition;
                return default(Done);
            },
            cancellationToken);
    }

    private static (SimulatedVM VM, XElement Definition, XElement Disk, long Bytes) Find(SimulatedLink link, SwitchDisk call)
    {
        var vm = SimulatedDevices.Staying(link, call.Id);
        var definition = SimulatedDevices.CopyOf(vm);
        var disk = DiskDefinition.Find(definition, call.Target);
        DiskDefinition.EnsureIs(disk, vm.Name, call.Target, call.Path);
        return (vm, definition, disk!, BytesOf(link, call.Path));
    }

    private static DiskReading Set(SimulatedLink link, SetDisk call)
    {
        var vm = SimulatedDevices.Staying(link, call.Id);
        var definition = SimulatedDevices.CopyOf(vm);
        var disk = DiskDefinition.Find(definition, call.Target);
        DiskDefinition.EnsureIs(disk, vm.Name, call.Target, call.Path);
        if (call.Settings.NeedsOff && vm.State is not PowerState.Shutoff)
        {
            throw DiskDefinition.RunsWith(vm.Name, call.Target);
        }

        var changed = call.Settings.Apply(disk!);
        changed.Elements("iotune").Remove();
        changed.Add(call.Settings.Apply(DiskLimits.Of(disk!)).ToXml());
        disk!.ReplaceWith(changed);
        vm.Definition = definition;
        return Read(link, changed);
    }

    private static DiskReading Set(SimulatedLink link, SetCdDrive call)
    {
        var vm = SimulatedDevices.Staying(link, call.Id);
        var definition = SimulatedDevices.CopyOf(vm);
        definition.SetElementValue("name", vm.Name);
        var drive = DiskDefinition.CdDrive(definition, call.Target);
        var changed = DiskDefinition.WithDisc(drive, call.Path);
        drive.ReplaceWith(changed);
        vm.Definition = definition;
        return Read(link, changed);
    }

    private static bool Uses(SimulatedVM vm, string path) =>
        vm.Definition is not null && DiskDefinition.Of(vm.Definition).Any(disk => DomainCopy.ImageOf(disk) == path);

    private static long BytesOf(SimulatedLink link, string path) => SimulatedImages.BytesOf(link.Host, path);
}
