using Kumoi.Hypervisors.Simulated.Hosts;

namespace Kumoi.Hypervisors.Simulated.Migrations;

/// <summary>
/// What stands in the way of a migration between simulated hosts. They have no images, networks and CPUs: what a VM's definition tells is
/// judged as for a real VM. Within the fleet's gate.
/// </summary>
internal static class SimulatedMigrationCheck
{
    public static MigrationNeeds ReadNeeds(
        SimulatedHost host, string hostId, SimulatedVM vm, MigrationOptions options, DateTimeOffset now)
    {
        var reading = vm.Read(now);
        var definition = vm.ToXml();
        var own = MigrationJudge.JudgeState(reading, host.Name)
            ?? (vm.IsMigrating
                ? MigrationJudge.Busy(vm.Name, host.Name) : vm.IsHeldByMigration ? MigrationJudge.Held(vm.Name, host.Name) : null);
        return new MigrationNeeds
        {
            VM = reading,
            Definition = definition.ToString(),
            HypervisorType = SimulatedHost.HypervisorType,
            HostId = hostId,
            HypervisorVersion = SimulatedHost.SimulatorVersion,
            CopiedDisks = options.WithStorage
                ? [.. StorageMoves.Copied(definition).Select(disk => SimulatedImages.Read(host, disk))] : [],
            Obstacles =
            [
                .. own is null ? [] : (MigrationObstacle[])[own],
                .. vm.Snapshots.Count > 0 ? (MigrationObstacle[])[MigrationJudge.Snapshots(vm.Name, host.Name, vm.Snapshots.Count)] : [],
                .. vm.Judge(),
                .. options.WithStorage ? StorageMoves.Judge(definition) : [],
            ],
        };
    }

    public static IReadOnlyList<MigrationObstacle> JudgeTarget(
        SimulatedFleet fleet, SimulatedHost host, string hostId, MigrationNeeds needs)
    {
        var vm = needs.VM;
        if (string.Equals(needs.HostId, hostId, StringComparison.Ordinal))
        {
            return [MigrationJudge.SameHost(vm.Name, host.Name)];
        }

        if (!string.Equals(needs.HypervisorType, SimulatedHost.HypervisorType, StringComparison.Ordinal) || !fleet.Has(vm.Id))
        {
            return [MigrationJudge.OtherHypervisor(vm.Name, host.Name)];
        }

        var existing = host.VMs.GetValueOrDefault(vm.Name) ?? host.Find(vm.Id);
        return
        [
            .. new[]
            {
                existing is null
                    ? null : MigrationJudge.Exists(vm.Name, host.Name, existing.Id == vm.Id ? "this VM" : "another VM of that name"),
                MigrationJudge.JudgeMemory(needs, host.Name, host.FreeMemoryBytes),
            }.OfType<MigrationObstacle>(),
            .. MigrationJudge.Images(DomainDefinition.Parse(needs.Definition), needs.CopiedDisks)
                .Select(path => MigrationJudge.UnknownImage(host.Name, path)),
        ];
    }
}
