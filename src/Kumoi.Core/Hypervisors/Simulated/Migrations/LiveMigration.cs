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
        var vm = await link.Call(() => Begin(link, call.Id, other.Host), cancellationToken);
        try
        {
            for (var step = 1; step <= Steps; step++)
            {
                await link.Delay(cancellationToken);
                var left = vm.MemoryBytes / Steps * (Steps - step);
                call.Progress?.Report(
                    new MigrationProgress(vm.MemoryBytes, vm.MemoryBytes - left, left, fleet.Time.GetElapsedTime(started)));
            }

            lock (fleet.Gate)
            {
                cancellationToken.ThrowIfCancellationRequested();
                EnsureStillPossible(link.Host, vm, other.Host);
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

    private static SimulatedVM Begin(SimulatedLink link, Guid id, SimulatedHost target)
    {
        var vm = link.Existing(id);
        if (ReferenceEquals(target, link.Host))
        {
            throw new HypervisorException(
                $"'{vm.Name}' is already on {link.HostName}.", FaultDomain.Host, error: HypervisorError.InvalidState);
        }

        EnsureMovable(vm);
        EnsureRoom(target, vm);
        vm.IsMigrating = true;
        return vm;
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
