using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Snapshots;

/// <summary>
/// Calls on the snapshots of VMs. Simulated hosts have no images: each VM could keep snapshots within its own, but for one of disks alone
/// while it runs.
/// </summary>
internal static class SnapshotCalls
{
    public static void AddTo(CallTable<SimulatedLink> calls) => calls
        .Add(static (SimulatedLink link, ReadSnapshots call, CancellationToken token) => link.Call(() => Read(link, call), token))
        .Add(static (SimulatedLink link, CreateSnapshot call, CancellationToken token) => link.Call(() => Create(link, call), token))
        .Add(static (SimulatedLink link, RestoreSnapshot call, CancellationToken token) => link.Call(() => Restore(link, call), token))
        .Add(static (SimulatedLink link, RemoveSnapshot call, CancellationToken token) => link.Call(() => Remove(link, call), token))
        .Add(static (SimulatedLink link, RenameSnapshot call, CancellationToken token) => link.Call(() => Rename(link, call), token));

    private static IReadOnlyList<SnapshotReading> Read(SimulatedLink link, ReadSnapshots call)
    {
        var vm = link.Existing(call.Id);
        return [.. vm.Snapshots.Select(snapshot => snapshot.Reading with { IsCurrent = snapshot.Reading.Name == vm.CurrentSnapshot })];
    }

    private static SnapshotReading Create(SimulatedLink link, CreateSnapshot call)
    {
        var vm = link.Existing(call.Id);
        if (vm.IsMigrating || (call.WithMemory && vm.State is not (PowerState.Running or PowerState.Paused)))
        {
            throw SimulatedLink.WrongState(vm, "make a snapshot of");
        }

        if (call.Quiesce)
        {
            throw new HypervisorException(
                $"The guest of '{vm.Name}' has no agent that could write out its file systems.", FaultDomain.VM,
                error: HypervisorError.NotSupported, recommendedAction: "Leave out -Quiesce.");
        }

        EnsureFree(vm, call.SnapshotName);
        var reading = new SnapshotReading
        {
            Name = call.SnapshotName,
            Description = call.Description,
            CreatedAt = DateTimeOffset.FromUnixTimeSeconds(link.Now.ToUnixTimeSeconds()),
            State = call.WithMemory ? vm.State : PowerState.Shutoff,
            HasMemory = call.WithMemory,
            Kind = vm.State is PowerState.Shutoff || call.WithMemory ? SnapshotKind.Internal : SnapshotKind.External,
            Parent = vm.CurrentSnapshot,
        };
        vm.Snapshots.Add(new SimulatedSnapshot
        {
            Reading = reading,
            CpuCount = vm.CpuCount,
            MemoryBytes = vm.MemoryBytes,
            Definition = vm.Definition,
            Run = vm.Run,
        });
        vm.CurrentSnapshot = reading.Name;
        return reading with { IsCurrent = true };
    }

    private static Done Restore(SimulatedLink link, RestoreSnapshot call)
    {
        var vm = link.Existing(call.Id);
        var snapshot = Existing(vm, call.Snapshot);
        if (vm.IsMigrating)
        {
            throw SimulatedLink.WrongState(vm, "restore");
        }

        var wasOff = vm.State is PowerState.Shutoff;
        if (snapshot.Reading.HasMemory && wasOff)
        {
            link.Host.EnsureMemory(vm);
        }

        (vm.CpuCount, vm.MemoryBytes, vm.Definition) = (snapshot.CpuCount, snapshot.MemoryBytes, snapshot.Definition);
        vm.HasSavedState = false;
        vm.CurrentSnapshot = snapshot.Reading.Name;
        vm.ChangeState(snapshot.Reading.State, link.Now);
        if (vm.State is PowerState.Running)
        {
            link.Fleet.Boot(vm); // that its memory is older is what was asked for
            link.Fleet.LetRun(vm);
        }

        if (!wasOff || vm.State is not PowerState.Shutoff)
        {
            link.Host.Publish(vm, vm.State is PowerState.Shutoff ? VMLifecycle.Stopped : VMLifecycle.Started, link.Now);
        }

        return default;
    }

    private static Done Remove(SimulatedLink link, RemoveSnapshot call)
    {
        var vm = link.Existing(call.Id);
        if (Find(vm, call.Snapshot) is not { } snapshot)
        {
            return default;
        }

        call.Progress?.Report(new CopyProgress(1, 1));
        vm.Snapshots.Remove(snapshot);
        LetFollow(vm, snapshot.Reading.Name, snapshot.Reading.Parent);
        return default;
    }

    private static Done Rename(SimulatedLink link, RenameSnapshot call)
    {
        var vm = link.Existing(call.Id);
        var snapshot = Existing(vm, call.Snapshot);
        if (snapshot.Reading.Kind is SnapshotKind.Internal)
        {
            throw new HypervisorException(
                $"'{snapshot.Reading.Name}' of '{vm.Name}' cannot be renamed: it is kept within the disk images, which hold its name, and "
                    + "the hypervisor cannot change it there.",
                FaultDomain.VM, error: HypervisorError.NotSupported,
                recommendedAction: "Restore it, make another with the new name (Checkpoint-KumoiVM), and remove it.");
        }

        EnsureFree(vm, call.NewName);
        vm.Snapshots[vm.Snapshots.IndexOf(snapshot)] = snapshot with { Reading = snapshot.Reading with { Name = call.NewName } };
        LetFollow(vm, snapshot.Reading.Name, call.NewName);
        return default;
    }

    /// <summary>What came after one snapshot comes after another.</summary>
    private static void LetFollow(SimulatedVM vm, string name, string? other)
    {
        for (var i = 0; i < vm.Snapshots.Count; i++)
        {
            if (vm.Snapshots[i].Reading.Parent == name)
            {
                vm.Snapshots[i] = vm.Snapshots[i] with { Reading = vm.Snapshots[i].Reading with { Parent = other } };
            }
        }

        vm.CurrentSnapshot = vm.CurrentSnapshot == name ? other : vm.CurrentSnapshot;
    }

    private static void EnsureFree(SimulatedVM vm, string name)
    {
        if (vm.Snapshots.Exists(snapshot => snapshot.Reading.Name == name))
        {
            throw new HypervisorException(
                $"'{vm.Name}' already has a snapshot '{name}'.", FaultDomain.VM, error: HypervisorError.SnapshotExists,
                recommendedAction: "Choose another name, or remove that one with Remove-KumoiSnapshot.");
        }
    }

    private static SimulatedSnapshot Existing(SimulatedVM vm, SnapshotKey key) => Find(vm, key) ?? throw new HypervisorException(
        $"'{vm.Name}' has no snapshot '{key.Name}' of {key.CreatedAt:u}.", FaultDomain.VM, error: HypervisorError.SnapshotNotFound,
        recommendedAction: "Read the snapshots again with Get-KumoiSnapshot.");

    private static SimulatedSnapshot? Find(SimulatedVM vm, SnapshotKey key) =>
        vm.Snapshots.Find(snapshot => snapshot.Reading.Key == key);
}
