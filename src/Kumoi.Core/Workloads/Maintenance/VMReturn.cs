using Kumoi.Fleets;
using Kumoi.Fleets.Maintenance;
using Kumoi.Workloads.Placing;

namespace Kumoi.Workloads.Maintenance;

/// <summary>Brings back the VMs that were moved off a host for its maintenance, and that still run where they were put then.</summary>
/// <param name="fleet">The fleet.</param>
/// <param name="home">The host, which is no longer in maintenance.</param>
/// <param name="others">Where the VMs may be.</param>
/// <param name="stay">What the journal has of the maintenance.</param>
/// <param name="limits">What must be left on the host.</param>
/// <param name="options">How failures are treated, and how VMs are moved. There is one target, so nothing is sent to several.</param>
public sealed class VMReturn(
    Fleet fleet, KumoiConnection home, IReadOnlyList<KumoiConnection> others, MaintenanceStay stay, PlacementLimits limits,
    WorkloadOptions options)
    : HostMoves(fleet, home, others, limits, options with { Replicas = null })
{
    private protected override IEnumerable<(KumoiVM VM, HostModel Source)> Stranded => Away;

    private IEnumerable<(KumoiVM VM, HostModel Source)> Away =>
        from source in Hosts.Skip(1)
        from vm in source.VMs
        where !Settled.Contains(vm.Key) && stay.IsAway(vm.Id, source.Host.Connection)
        select (vm, source);

    private protected override (KumoiVM VM, HostModel Source, string Reason)? Choose() =>
        Away.Where(away => Targets(away.VM, away.Source).Count > 0).Select(away => (away.VM, away.Source, $"returns to {Host.Name}"))
            .Cast<(KumoiVM, HostModel, string)?>()
            .FirstOrDefault();

    private protected override IEnumerable<HostModel> Prefer(HostModel source) => [Hosts[0]];

    private protected override Task EndMoveAsync(KumoiVM vm, KumoiVM moved) =>
        TellAsync(MaintenanceStep.Returned, vm, moved: null, $"'{vm.Name}' is back on {Host.Name}.", CancellationToken.None);
}
