using System.Runtime.CompilerServices;

namespace Kumoi.Hypervisors.Simulated;

/// <summary>A link to one simulated host. Every call takes the fleet's delay, and then happens at once.</summary>
internal sealed class SimulatedLink(SimulatedFleet fleet, SimulatedHost host, string uri, Action close) : IHypervisorLink
{
    private readonly List<SimulatedWatcher> _watchers = [];
    private int _closed;

    public string Uri => uri;

    public string HostName => host.Name;

    internal DateTimeOffset Now => fleet.Time.GetUtcNow();

    public Task<HostReading> ReadHostAsync(bool includeVMs, CancellationToken cancellationToken) =>
        Call(() => host.Read(includeVMs, Now), cancellationToken);

    public Task<IReadOnlyList<VMReading>> ReadVMsAsync(CancellationToken cancellationToken) =>
        Call<IReadOnlyList<VMReading>>(() => { var now = Now; return [.. host.VMs.Values.Select(vm => vm.Read(now))]; }, cancellationToken);

    public Task<VMReading?> FindVMAsync(Guid id, CancellationToken cancellationToken) =>
        Call(() => host.Find(id)?.Read(Now), cancellationToken);

    public Task<VMReading?> FindVMAsync(string name, CancellationToken cancellationToken) =>
        Call(() => host.VMs.GetValueOrDefault(name)?.Read(Now), cancellationToken);

    public Task<string> ReadXmlAsync(Guid id, CancellationToken cancellationToken) =>
        Call(() => Existing(id).ToXml().ToString(), cancellationToken);

    public Task<string> ReadDefinitionAsync(Guid id, CancellationToken cancellationToken) => ReadXmlAsync(id, cancellationToken);

    public Task<VMReading> DefineAsync(VMSpec spec, OperationId operation, CancellationToken cancellationToken) => Call(
        () =>
        {
            var vm = SimulatedVM.From(spec, operation);
            if ((host.VMs.GetValueOrDefault(vm.Name) ?? host.Find(vm.Id)) is { } existing)
            {
                throw new HypervisorException(
                    $"{host.Name} already has the VM '{existing.Name}' with id {existing.Id:D}.", FaultDomain.VM, error: HypervisorError.VMExists,
                    recommendedAction: "Choose another name, or remove the existing VM with Remove-KumoiVM.");
            }

            host.VMs.Add(vm.Name, vm);
            host.Publish(vm, VMLifecycle.Defined, Now);
            return vm.Read(Now);
        },
        cancellationToken);

    public async Task<bool> UndoDefineAsync(OperationId operation, CancellationToken cancellationToken)
    {
        var kept = await Call(() => UndoDefine(operation), cancellationToken);
        CallWarnings.Tell(kept ?? []);
        return kept is not null;
    }

    public Task StartAsync(Guid id, bool paused, OperationId operation, CancellationToken cancellationToken) => Change(
        id, "start", state => state is PowerState.Shutoff or PowerState.Crashed, paused ? PowerState.Paused : PowerState.Running, VMLifecycle.Started,
        cancellationToken, EnsureMemory);

    public Task ShutdownAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Change(id, "shut down", state => state is PowerState.Running, PowerState.Shutoff, VMLifecycle.Stopped, cancellationToken);

    public Task DestroyAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => Change(
        id, "stop", state => state is not PowerState.Shutoff, PowerState.Shutoff, VMLifecycle.Stopped, cancellationToken);

    public Task RebootAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Change(id, "reboot", state => state is PowerState.Running, PowerState.Running, VMLifecycle.Started, cancellationToken);

    public Task ResetAsync(Guid id, OperationId operation, CancellationToken cancellationToken) => Change(
        id, "reset", state => state is PowerState.Running or PowerState.Paused, PowerState.Running, VMLifecycle.Started, cancellationToken);

    public Task SuspendAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Change(id, "suspend", state => state is PowerState.Running, PowerState.Paused, VMLifecycle.Suspended, cancellationToken);

    public Task ResumeAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Change(id, "resume", state => state is PowerState.Paused or PowerState.PMSuspended, PowerState.Running, VMLifecycle.Resumed, cancellationToken);

    public Task DiscardSavedStateAsync(Guid id, OperationId operation, CancellationToken cancellationToken) =>
        Call(() => Existing(id).HasSavedState = false, cancellationToken);

    public async Task UndefineAsync(Guid id, bool removeVolumes, OperationId operation, CancellationToken cancellationToken) => CallWarnings.Tell(await Call(
        () =>
        {
            IReadOnlyList<string> warnings = [];
            var vm = Existing(id);
            if (vm.State is not PowerState.Shutoff)
            {
                throw WrongState(vm, "remove");
            }

            EnsureNotSaved(vm);
            if (removeVolumes)
            {
                warnings = SimulatedImages.JudgeRemoval(host, vm);
            }

            host.VMs.Remove(vm.Name);
            host.Publish(vm, VMLifecycle.Undefined, Now);
            return warnings;
        },
        cancellationToken));

    public async Task<VMReading> MigrateAsync(
        Guid id,
        IHypervisorLink target,
        MigrationOptions options,
        IProgress<MigrationProgress>? progress,
        OperationId operation,
        CancellationToken cancellationToken)
    {
        if (target is not SimulatedLink other || !ReferenceEquals(other.Fleet, fleet))
        {
            throw new HypervisorException(
                $"{host.Name} is simulated and cannot migrate to {target.HostName}.", FaultDomain.Host, error: HypervisorError.NotSupported,
                recommendedAction: "Choose a host of the same simulated fleet.");
        }

        const int steps = 4;
        var started = fleet.Time.GetTimestamp();
        var vm = await Call(() => BeginMigration(id, other.Host), cancellationToken);
        try
        {
            for (var step = 1; step <= steps; step++)
            {
                await Delay(cancellationToken);
                var left = vm.MemoryBytes / steps * (steps - step);
                progress?.Report(new MigrationProgress(vm.MemoryBytes, vm.MemoryBytes - left, left, fleet.Time.GetElapsedTime(started)));
            }

            lock (fleet.Gate)
            {
                cancellationToken.ThrowIfCancellationRequested();
                EnsureStillPossible(vm, other.Host);
                host.VMs.Remove(vm.Name);
                other.Host.VMs.Add(vm.Name, vm);
                vm.Arrive(Now);
                vm.IsHeldByMigration = false;
                host.Publish(vm, VMLifecycle.Stopped, Now);
                other.Host.Publish(vm, VMLifecycle.Started, Now);
                return vm.Read(Now);
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

    public Task<VMPlace> ReadPlaceAsync(Guid id, CancellationToken cancellationToken) => Call(
        () => host.Find(id) is { } vm ? PlaceOf(vm) : VMPlace.Absent, cancellationToken);

    public Task<MigrationNeeds> ReadMigrationNeedsAsync(Guid id, MigrationOptions options, CancellationToken cancellationToken) =>
        Call(() => SimulatedMigrationCheck.ReadNeeds(host, uri, Existing(id), Now), cancellationToken);

    public Task<IReadOnlyList<MigrationObstacle>> CheckMigrationTargetAsync(MigrationNeeds needs, CancellationToken cancellationToken) =>
        Call(() => SimulatedMigrationCheck.JudgeTarget(fleet, host, uri, needs), cancellationToken);

    public Task<IOutgoingMigration> BeginMigrationAsync(Guid id, MigrationPlan plan, CancellationToken cancellationToken) => Call<IOutgoingMigration>(
        () =>
        {
            var vm = Existing(id);
            if (vm.State is not (PowerState.Running or PowerState.Paused) || vm.IsMigrating)
            {
                throw WrongState(vm, "migrate");
            }

            EnsureMovable(vm);
            return new SimulatedOutgoingMigration(this, vm, plan);
        },
        cancellationToken);

    public Task<IIncomingMigration> PrepareMigrationAsync(MigrationOffer offer, int replica, CancellationToken cancellationToken) => Call<IIncomingMigration>(
        () =>
        {
            if (fleet.FindOffered(offer.Id) is not { } vm)
            {
                throw new HypervisorException(
                    $"{host.Name} is simulated and cannot take '{offer.Name}' from a host of another fleet.", FaultDomain.Host,
                    error: HypervisorError.NotSupported, recommendedAction: "Choose a host of the same simulated fleet.");
            }

            EnsureRoom(host, vm);
            var copy = vm.Copy(offer.Plan.Mark with { Replica = replica });
            host.VMs.Add(copy.Name, copy);
            return new SimulatedIncomingMigration(this, copy, offer);
        },
        cancellationToken);

    /// <summary>A simulated VM is its definition, but for a saved state.</summary>
    public Task<string?> FindHostStateAsync(Guid id, CancellationToken cancellationToken) => Call(
        () => Existing(id).HasSavedState ? "a saved state (managed save)" : null, cancellationToken);

    public Task MarkAsync(Guid id, SpeculationMark? mark, CancellationToken cancellationToken) => Call(
        () =>
        {
            var vm = Existing(id);
            vm.IsAutostart |= mark is null && vm.Mark is { IsAutostart: true };
            return vm.Mark = mark;
        },
        cancellationToken);

    public Task<IReadOnlyList<StoragePoolReading>> ReadPoolsAsync(CancellationToken cancellationToken) => Call<IReadOnlyList<StoragePoolReading>>(static () => [], cancellationToken);

    public Task<IReadOnlyList<MarkedVM>> ReadMarkedAsync(CancellationToken cancellationToken) => Call<IReadOnlyList<MarkedVM>>(
        () => [.. host.VMs.Values.Where(vm => vm.Mark is not null).Select(vm => new MarkedVM(vm.Id, vm.Name, vm.Mark!))],
        cancellationToken);

    public Task<bool> RemoveCopyAsync(Guid id, CopyRemoval removal, CancellationToken cancellationToken) => Call(
        () =>
        {
            if (host.Find(id) is not { } vm || !removal.Fits(vm.Mark, PlaceOf(vm)))
            {
                return false;
            }

            if (vm.IsMigrating)
            {
                throw WrongState(vm, "remove");
            }

            if (removal.Kind is not CopyRemovalKind.Stop)
            {
                if (vm.HasSavedState)
                {
                    return false;
                }

                host.VMs.Remove(vm.Name);
            }

            vm.IsHeldByMigration = false;
            vm.ChangeState(PowerState.Shutoff, Now);
            host.Publish(vm, removal.Kind is CopyRemovalKind.Stop ? VMLifecycle.Stopped : VMLifecycle.Undefined, Now);
            return true;
        },
        cancellationToken);

    /// <summary>Its URI names the fleet and the host.</summary>
    public Task<string> ReadHostIdAsync(CancellationToken cancellationToken) => Call(() => uri, cancellationToken);

    public async IAsyncEnumerable<VMLifecycleEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var watcher = new SimulatedWatcher();
        lock (fleet.Gate)
        {
            EnsureOpen();
            _watchers.Add(watcher);
            host.AddWatcher(watcher);
        }

        try
        {
            await foreach (var happened in watcher.ReadAllAsync(cancellationToken))
            {
                yield return happened;
            }
        }
        finally
        {
            lock (fleet.Gate)
            {
                _watchers.Remove(watcher);
                host.RemoveWatcher(watcher);
            }
        }
    }

    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            lock (fleet.Gate)
            {
                _watchers.ForEach(watcher => watcher.Close(Closed()));
            }

            close();
        }

        return ValueTask.CompletedTask;
    }

    internal SimulatedFleet Fleet => fleet;

    internal SimulatedHost Host => host;

    private IReadOnlyList<string>? UndoDefine(OperationId operation)
    {
        if (host.VMs.Values.FirstOrDefault(vm => vm.Operation == operation) is not { } vm)
        {
            return null;
        }

        vm.ChangeState(PowerState.Shutoff, Now);
        host.VMs.Remove(vm.Name);
        host.Publish(vm, VMLifecycle.Undefined, Now);
        return SimulatedImages.JudgeRemoval(host, vm, vm.MadeImages);
    }

    private SimulatedVM BeginMigration(Guid id, SimulatedHost target)
    {
        var vm = Existing(id);
        if (ReferenceEquals(target, host))
        {
            throw new HypervisorException($"'{vm.Name}' is already on {host.Name}.", FaultDomain.Host, error: HypervisorError.InvalidState);
        }

        if (vm.State is not (PowerState.Running or PowerState.Paused) || vm.IsMigrating)
        {
            throw WrongState(vm, "migrate");
        }

        EnsureMovable(vm);
        EnsureRoom(target, vm);
        vm.IsMigrating = true;
        return vm;
    }

    /// <summary>As a real hypervisor refuses when the migration is begun.</summary>
    private static void EnsureMovable(SimulatedVM vm)
    {
        if (vm.Judge().FirstOrDefault(obstacle => obstacle.IsFatal) is { } obstacle)
        {
            throw obstacle.ToException(FaultDomain.VM);
        }
    }

    /// <summary>While the memory was being copied, the VM may have been removed, and the target filled.</summary>
    private void EnsureStillPossible(SimulatedVM vm, SimulatedHost target)
    {
        if (!ReferenceEquals(host.Find(vm.Id), vm))
        {
            throw new HypervisorException(
                $"'{vm.Name}' was removed from {host.Name} while it was being migrated.", FaultDomain.VM, error: HypervisorError.Aborted);
        }

        EnsureRoom(target, vm);
    }

    private static void EnsureRoom(SimulatedHost target, SimulatedVM vm)
    {
        if (target.VMs.ContainsKey(vm.Name) || target.Find(vm.Id) is not null)
        {
            throw new HypervisorException($"{target.Name} already has a VM named '{vm.Name}'.", FaultDomain.Host, error: HypervisorError.VMExists);
        }

        EnsureMemory(target, vm);
    }

    private void EnsureMemory(SimulatedVM vm) => EnsureMemory(host, vm);

    private static void EnsureMemory(SimulatedHost host, SimulatedVM vm)
    {
        if (host.FreeMemoryBytes < vm.MemoryBytes)
        {
            throw new HypervisorException(
                $"{host.Name} has {host.FreeMemoryBytes >> 20} MiB of memory left, '{vm.Name}' needs {vm.MemoryBytes >> 20}.",
                FaultDomain.Host, error: HypervisorError.ResourceUnavailable, recommendedAction: "Choose a host with more free memory.");
        }
    }

    private Task Change(
        Guid id, string verb, Func<PowerState, bool> allowed, PowerState next, VMLifecycle kind, CancellationToken cancellationToken,
        Action<SimulatedVM>? check = null) => Call(
        () =>
        {
            var vm = Existing(id);
            if (!allowed(vm.State) || vm.IsMigrating)
            {
                throw WrongState(vm, verb);
            }

            check?.Invoke(vm);
            if (kind is VMLifecycle.Started && !vm.HasSavedState)
            {
                fleet.Boot(vm);
            }

            vm.IsHeldByMigration = false;
            vm.HasSavedState &= kind is not VMLifecycle.Started;
            vm.ChangeState(next, Now);
            if (next is PowerState.Running)
            {
                fleet.LetRun(vm);
            }

            host.Publish(vm, kind, Now);
            return true;
        },
        cancellationToken);

    private static void EnsureNotSaved(SimulatedVM vm)
    {
        if (vm.HasSavedState)
        {
            throw new HypervisorException(
                $"Cannot remove '{vm.Name}': it has a saved state, which would be lost.", FaultDomain.VM, error: HypervisorError.InvalidState,
                recommendedAction: "Start it, which goes on from there, or throw the saved state away.");
        }
    }

    private SimulatedVM Existing(Guid id) => host.Find(id) ?? throw new HypervisorException(
        $"{host.Name} has no VM with id {id:D}.", FaultDomain.VM, error: HypervisorError.VMNotFound,
        recommendedAction: "Read the VM again with Get-KumoiVM: it may have been moved or removed.");

    private static VMPlace PlaceOf(SimulatedVM vm) => vm switch
    {
        { IsHeldByMigration: true } => VMPlace.MigrationPaused,
        { State: PowerState.Paused } => VMPlace.Paused,
        { State: PowerState.Running } => VMPlace.Running,
        _ => VMPlace.Off,
    };

    private static HypervisorException WrongState(SimulatedVM vm, string verb) => new(
        $"Cannot {verb} '{vm.Name}': it is {(vm.IsMigrating ? "being migrated" : vm.State)}.", FaultDomain.VM, error: HypervisorError.InvalidState,
        recommendedAction: "Read the VM's state with Get-KumoiVM.");

    internal async Task<T> Call<T>(Func<T> action, CancellationToken cancellationToken)
    {
        await Delay(cancellationToken);
        EnsureOpen();
        lock (fleet.Gate)
        {
            return action();
        }
    }

    private void EnsureOpen()
    {
        if (Volatile.Read(ref _closed) != 0)
        {
            throw Closed();
        }
    }

    private HypervisorException Closed() => new(
        $"The link to {host.Name} is closed.", FaultDomain.Host, error: HypervisorError.ConnectionFailed,
        recommendedAction: "Connect again with Connect-KumoiHost.");

    internal Task Delay(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return fleet.Delay > TimeSpan.Zero ? Task.Delay(fleet.Delay, fleet.Time, cancellationToken) : Task.CompletedTask;
    }
}
