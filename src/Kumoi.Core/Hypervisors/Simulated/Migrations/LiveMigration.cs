using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Migrations;

/// <summary>A migration to one host: its memory is copied in steps, and then it is there.</summary>
internal static class LiveMigration
{
    private const int Steps = 4;

    public static async Task<VMReading> RunAsync(SimulatedLink link, MigrateVM call, CancellationToken cancellationToken)
    {
        var fleet = link.Fleet;
        if (call.Target is not SimulatedLink other || !ReferenceEquals(other.Fleet, fleet))
        {
            throw new HypervisorException(
                $"{link.HostName} is simulated and cannot migrate to {call.Target.HostName}.", FaultDomain.Host,
                error: HypervisorError.NotSupported,
                recommendedAction: "Choose a host of the same simulated fleet.");
        }

        var started = fleet.Time.GetTimestamp();
        var vm = await link.Call(() => Begin(link, call, other.Host), cancellationToken);
        var bytes = vm.MemoryBytes + call.Options.Disks.Sum(static disk => disk.CapacityBytes);
        try
        {
            for (var step = 1; step <= Steps; step++)
            {
                await link.Delay(cancellationToken);
                var left = bytes / Steps * (Steps - step);
                call.Progress?.Report(new MigrationProgress(bytes, bytes - left, left, fleet.Time.GetElapsedTime(started)));
            }

            lock (fleet.Gate)
            {
                cancellationToken.ThrowIfCancellationRequested();
                EnsureStillPossible(link.Host, vm, other.Host);
                Arrive(link.Host, vm, other.Host, call.Options.Disks);
                link.Host.VMs.Remove(vm.Name);
                other.Host.VMs.Add(vm.Name, vm);
                vm.Arrive(link.Now);
                vm.IsHeldByMigration = false;
                link.Host.Publish(vm, VMLifecycle.Stopped, link.Now);
                other.Host.Publish(vm, VMLifecycle.Started, link.Now);
                return vm.Read(link.Now);
            }
        }
        finally
        {
            lock (fleet.Gate)
            {
                vm.IsMigrating = false;
            }
        }
    }

    /// <summary>As a real hypervisor refuses when the migration is begun.</summary>
    public static void EnsureMovable(SimulatedVM vm)
    {
        if (vm.State is not (PowerState.Running or PowerState.Paused) || vm.IsMigrating)
        {
            throw SimulatedLink.WrongState(vm, "migrate");
        }

        if (vm.Snapshots.Count > 0)
        {
            throw MigrationJudge.Snapshots(vm.Name, "Its host", vm.Snapshots.Count).ToException(FaultDomain.VM);
        }

        if (vm.Judge().FirstOrDefault(obstacle => obstacle.IsFatal) is { } obstacle)
        {
            throw obstacle.ToException(FaultDomain.VM);
        }
    }

    public static void EnsureRoom(SimulatedHost target, SimulatedVM vm)
    {
        if (target.VMs.ContainsKey(vm.Name) || target.Find(vm.Id) is not null)
        {
            throw new HypervisorException(
                $"{target.Name} already has a VM named '{vm.Name}'.", FaultDomain.Host, error: HypervisorError.VMExists);
        }

        target.EnsureMemory(vm);
    }

    private static SimulatedVM Begin(SimulatedLink link, MigrateVM call, SimulatedHost target)
    {
        var vm = link.Existing(call.Id);
        if (ReferenceEquals(target, link.Host))
        {
            throw new HypervisorException(
                $"'{vm.Name}' is already on {link.HostName}.", FaultDomain.Host, error: HypervisorError.InvalidState);
        }

        EnsureMovable(vm);
        EnsureRoom(target, vm);
        EnsureVolumes(target, call.Options.Disks);
        vm.IsMigrating = true;
        return vm;
    }

    /// <summary>What the disks are copied into must be there.</summary>
    private static void EnsureVolumes(SimulatedHost target, IReadOnlyList<DiskCopy> disks)
    {
        if (disks.FirstOrDefault(disk => !target.Volumes.Exists(volume => volume.Path == disk.TargetPath)) is { } missing)
        {
            throw new HypervisorException(
                $"{target.Name} has no '{missing.TargetPath}', into which '{missing.Target}' is to be copied.", FaultDomain.Storage,
                error: HypervisorError.StorageFailed, recommendedAction: "Make it with New-KumoiVolume.");
        }
    }

    /// <summary>The volumes at the target have what those at the source have, and are the VM's disks.</summary>
    private static void Arrive(SimulatedHost source, SimulatedVM vm, SimulatedHost target, IReadOnlyList<DiskCopy> disks)
    {
        if (disks.Count == 0)
        {
            return;
        }

        EnsureVolumes(target, disks);
        foreach (var disk in disks)
        {
            var content = source.Volumes.Find(volume => volume.Path == disk.Path)?.Content;
            var index = target.Volumes.FindIndex(volume => volume.Path == disk.TargetPath);
            target.Volumes[index] = target.Volumes[index] with { Content = content };
        }

        vm.Definition = DomainDefinition.Parse(StorageMoves.Redirect(vm.ToXml().ToString(), disks));
    }

    /// <summary>While the memory was being copied, the VM may have been removed, and the target filled.</summary>
    private static void EnsureStillPossible(SimulatedHost source, SimulatedVM vm, SimulatedHost target)
    {
        if (!ReferenceEquals(source.Find(vm.Id), vm))
        {
            throw new HypervisorException(
                $"'{vm.Name}' was removed from {source.Name} while it was being migrated.", FaultDomain.VM, error: HypervisorError.Aborted);
        }

        EnsureRoom(target, vm);
    }
}
