using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Speculation;
using Kumoi.Speculation.Migration;

namespace Kumoi.Workloads.Placing;

/// <summary>
/// A workload that moves VMs between hosts, one at a time. A target that fails is replaced by the next that would have been chosen.
/// </summary>
public abstract class MovingWorkload : Workload
{
    private readonly IReadOnlyList<KumoiConnection> _connections;
    private List<HostModel>? _hosts;

    private protected MovingWorkload(Fleet fleet, IReadOnlyList<KumoiConnection> hosts, PlacementLimits limits, WorkloadOptions options)
        : base(fleet, options)
    {
        _connections = hosts;
        Limits = limits;
    }

    /// <summary>With the hosts as another plan has left them.</summary>
    private protected MovingWorkload(Fleet fleet, IReadOnlyList<HostModel> hosts, PlacementLimits limits, WorkloadOptions options)
        : this(fleet, [.. hosts.Select(host => host.Host.Connection)], limits, options)
    {
        _hosts = [.. hosts];
    }

    private protected PlacementLimits Limits { get; }

    /// <summary>The hosts as the plan sees them, in the order in which they were given.</summary>
    private protected IReadOnlyList<HostModel> Hosts => _hosts!;

    /// <summary>VMs that this run no longer moves: moved already, failed, or declined.</summary>
    private protected HashSet<VMKey> Settled { get; } = [];

    public sealed override async Task<KumoiPlanStep?> NextAsync(CancellationToken cancellationToken)
    {
        await ReadHostsAsync(cancellationToken);
        if (Choose() is not var (vm, source, reason))
        {
            return null;
        }

        return new KumoiPlanStep
        {
            Order = NextOrder(),
            Action = PlanAction.Move,
            VM = vm,
            Name = vm.Name,
            VMHost = source.Name,
            Target = Targets(vm, source)[0].Name,
            Reason = reason,
        };
    }

    /// <summary>At first.</summary>
    private protected async Task ReadHostsAsync(CancellationToken cancellationToken) =>
        _hosts ??= [.. (await ReadAsync(_connections, cancellationToken)).Select(host => new HostModel(host))];

    public sealed override void Assume(KumoiPlanStep step) => Move(step.VM!, step.VMHost, step.Target!);

    public sealed override void LeaveOut(KumoiPlanStep step) => Settled.Add(step.VM!.Key);

    /// <summary>The next VM to move, for which there is a target; null: none.</summary>
    private protected abstract (KumoiVM VM, HostModel Source, string Reason)? Choose();

    /// <summary>The hosts that may take VMs of this one, the preferred first.</summary>
    private protected abstract IEnumerable<HostModel> Prefer(HostModel source);

    /// <summary>The hosts that have room for the VM, the preferred first.</summary>
    private protected IReadOnlyList<HostModel> Targets(KumoiVM vm, HostModel source) =>
        [.. Usable(Prefer(source)).Where(host => host.Fits(vm, Limits))];

    /// <summary>Without those that have failed as targets.</summary>
    private protected IEnumerable<HostModel> Usable(IEnumerable<HostModel> hosts) =>
        hosts.Where(host => !FailedTargets.Contains(host.Name));

    protected sealed override async Task<KumoiPlanStep> DoAsync(KumoiPlanStep step, CancellationToken cancellationToken)
    {
        var vm = step.VM!;
        var targets = Targets(vm, Hosts.First(host => host.Name == step.VMHost)).Select(target => target.Host);
        await BeginMoveAsync(vm, cancellationToken);
        var (moved, substitutions) = Options.Replicas is { } replicas ? (await RaceAsync(vm, targets, replicas, cancellationToken), [])
            : Options.Substitute ? await OnFirstAsync(targets, MoveToAsync, cancellationToken)
            : (await MoveToFirstAsync(vm, targets, cancellationToken), []);
        Move(vm, step.VMHost, moved.VMHost);
        await EndMoveAsync(vm, moved);
        return step with { VM = moved, Target = moved.VMHost, Substitutions = substitutions };

        async Task<KumoiVM> MoveToAsync(KumoiHost target, CancellationToken token) =>
            await TryMoveAsync(vm, target, await FleetReads.ReadHostAsync(target.Connection, token), token)
                ?? throw new HypervisorException(
                $"{target.Name} has no room for '{vm.Name}' any more", FaultDomain.Host, error: HypervisorError.ResourceUnavailable,
                recommendedAction: "Run it again: it plans with new readings.");
    }

    /// <summary>Before a VM is moved.</summary>
    private protected virtual Task BeginMoveAsync(KumoiVM vm, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>When a VM was moved: a cancellation comes too late.</summary>
    private protected virtual Task EndMoveAsync(KumoiVM vm, KumoiVM moved) => Task.CompletedTask;

    /// <summary>To all targets that have room when they are read, so many at once.</summary>
    private async Task<KumoiVM> RaceAsync(KumoiVM vm, IEnumerable<KumoiHost> targets, int replicas, CancellationToken cancellationToken)
    {
        var now = await ReadAsync([.. targets.Select(target => target.Connection)], cancellationToken);
        var fitting = now.Where(target => new HostModel(target).Fits(vm, Limits)).Select(target => target.Connection).ToList();
        if (fitting.Count == 0)
        {
            throw NoRoom(vm);
        }

        var options = new SpeculationOptions { Replicas = replicas, Migration = Options.Migration };
        return (await new SpeculativeMigration(vm, options, Time).RunAsync(fitting, progress: null, cancellationToken)).VM;
    }

    /// <summary>To the first target that has room when it is read. One that cannot be read has none, where failures are masked.</summary>
    private async Task<KumoiVM> MoveToFirstAsync(KumoiVM vm, IEnumerable<KumoiHost> targets, CancellationToken cancellationToken)
    {
        foreach (var target in targets)
        {
            if (await TryMoveAsync(vm, target, (await ReadAsync([target.Connection], cancellationToken))[0], cancellationToken)
                is { } moved)
            {
                return moved;
            }
        }

        throw NoRoom(vm);
    }

    private static HypervisorException NoRoom(KumoiVM vm) => new(
        $"No host has room for '{vm.Name}' any more.", FaultDomain.VM, error: HypervisorError.ResourceUnavailable,
        recommendedAction: "Run it again: it plans with new readings.");

    /// <summary>The plan's reading may be old: the target must have room as it is now. Null: it has none.</summary>
    private async Task<KumoiVM?> TryMoveAsync(KumoiVM vm, KumoiHost target, KumoiHost now, CancellationToken cancellationToken) =>
        new HostModel(now).Fits(vm, Limits)
            ? await VMActions.MoveAsync(vm, target.Connection, Options.Migration, progress: null, cancellationToken)
            : null;

    private void Move(KumoiVM vm, string from, string to)
    {
        Settled.Add(vm.Key);
        Hosts.First(host => host.Name == from).Remove(vm);
        Hosts.First(host => host.Name == to).Add(vm);
    }
}
