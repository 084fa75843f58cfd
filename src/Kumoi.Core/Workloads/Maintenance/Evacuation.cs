using Kumoi.Fleets;
using Kumoi.Fleets.Maintenance;
using Kumoi.Workloads.Placing;

namespace Kumoi.Workloads.Maintenance;

/// <summary>
/// Moves all VMs that run on a host to other hosts, the largest first, each to the least loaded of the preferred hosts that have room. VMs
/// that are off stay.
/// </summary>
public sealed class Evacuation : HostMoves
{
    private readonly Func<KumoiHost, int> _tier;

    /// <summary>Of one host.</summary>
    /// <param name="fleet">The fleet.</param>
    /// <param name="host">The host to empty.</param>
    /// <param name="destinations">Where the VMs may go.</param>
    /// <param name="tier">Hosts of a lower tier are preferred; null: all are of one.</param>
    /// <param name="limits">What must be left on a host.</param>
    /// <param name="options">How failures are treated, and how VMs are moved.</param>
    public Evacuation(
        Fleet fleet, KumoiConnection host, IReadOnlyList<KumoiConnection> destinations, Func<KumoiHost, int>? tier, PlacementLimits limits,
        WorkloadOptions options)
        : base(fleet, host, destinations, limits, options)
    {
        _tier = tier ?? (static _ => 0);
    }

    /// <summary>For a plan.</summary>
    internal Evacuation(
        Fleet fleet, IReadOnlyList<HostModel> hosts, Func<KumoiHost, int> tier, PlacementLimits limits, WorkloadOptions options)
        : base(fleet, hosts, limits, options)
    {
        _tier = tier;
    }

    /// <summary>What would be done to empty several hosts, one after the other.</summary>
    /// <inheritdoc cref="HostMoves.PlanAsync"/>
    public static async Task<IReadOnlyList<Outcome<KumoiPlanStep, KumoiPlanStep>>> PlanAsync(
        Fleet fleet, IReadOnlyList<KumoiConnection> hosts, IReadOnlyList<KumoiConnection> destinations, PlacementLimits limits,
        WorkloadOptions options,
        CancellationToken cancellationToken)
    {
        var models = await HostModel.ReadAsync(fleet, [.. hosts.Union(destinations)], hosts, cancellationToken);
        var targets = models.Where(model => !hosts.Contains(model.Host.Connection)).ToList();
        var steps = new List<Outcome<KumoiPlanStep, KumoiPlanStep>>();
        foreach (var source in models.Except(targets))
        {
            steps.AddRange(await new Evacuation(fleet, [source, .. targets], static _ => 0, limits, options).PlanAsync(cancellationToken));
        }

        return steps;
    }

    private protected override IEnumerable<(KumoiVM VM, HostModel Source)> Stranded =>
        Left.Concat(Hosts[0].Host.VMs.Where(vm => vm.State.HoldsHost() && !HostModel.CanMove(vm)))
            .Select(vm => (vm, Hosts[0]));

    private IEnumerable<KumoiVM> Left => Hosts[0].VMs.Where(vm => !Settled.Contains(vm.Key));

    private protected override (KumoiVM VM, HostModel Source, string Reason)? Choose() =>
        Left.OrderByDescending(vm => vm.MemoryBytes).ThenBy(vm => vm).FirstOrDefault(vm => Targets(vm, Hosts[0]).Count > 0) is { } vm
            ? (vm, Hosts[0], $"empties {Host.Name}")
            : null;

    private protected override IEnumerable<HostModel> Prefer(HostModel source) =>
        Hosts.Skip(1).OrderBy(host => _tier(host.Host)).ThenBy(host => host.CpuRatio);

    // Before it goes: if this process ends before the next record, the VM still counts as one that was moved away.
    private protected override Task BeginMoveAsync(KumoiVM vm, CancellationToken cancellationToken) =>
        TellAsync(MaintenanceStep.Leaving, vm, moved: null, $"'{vm.Name}' leaves {Host.Name}.", cancellationToken);

    private protected override Task EndMoveAsync(KumoiVM vm, KumoiVM moved) =>
        TellAsync(MaintenanceStep.Left, vm, moved, $"'{vm.Name}' has left {Host.Name} for {moved.VMHost}.", CancellationToken.None);
}
