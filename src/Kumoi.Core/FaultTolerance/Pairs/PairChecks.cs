using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>Finds what stands in the way of protecting a VM, without changing anything.</summary>
internal static class PairChecks
{
    /// <summary>Of the VM first, then of the hosts in their order; empty: nothing.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="backups">The hosts that are to take over.</param>
    /// <param name="order">What is asked for.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="HypervisorException">The VM's own host cannot be read.</exception>
    public static async Task<IReadOnlyList<KumoiFtFinding>> FindAsync(
        KumoiVM vm, IReadOnlyList<KumoiConnection> backups, PairOrder order, CancellationToken cancellationToken)
    {
        var obstacles = await PairPreflight.FindAsync(vm.Connection.Link, PairRun.PlanOf(order), standby: null, cancellationToken);
        List<KumoiFtFinding> found =
        [
            .. obstacles.Select(obstacle => Finding(vm, vm.VMHost, obstacle.Message, obstacle.RecommendedAction)),
        ];
        if (backups.All(host => ReferenceEquals(host, vm.Connection)))
        {
            found.Add(Finding(
                vm, vm.VMHost, $"'{vm.Name}' runs on {vm.VMHost}: that host cannot be its own backup.",
                "Give another host with -BackupHost."));
        }

        var others = backups.Where(host => !ReferenceEquals(host, vm.Connection)).ToList();
        foreach (var check in await MigrationChecks.CheckAsync(vm, others, new MigrationOptions(), cancellationToken))
        {
            // What is of the VM was judged by what a pair covers; it may be off, and is started then.
            var needs = check.Obstacles.Where(obstacle => IsOfHost(obstacle.Kind)).ToList();
            if (needs.Exists(static obstacle => obstacle.Kind is MigrationObstacleKind.VMExists)
                && await IsOffAsync(others.First(host => host.Name == check.Destination), vm.Id, cancellationToken))
            {
                needs.RemoveAll(static obstacle => obstacle.Kind is MigrationObstacleKind.VMExists); // it served there before
            }

            found.AddRange(needs.Select(
                obstacle => Finding(vm, check.Destination, obstacle.Message, obstacle.RecommendedAction) with { IsOfBackup = true }));
        }

        return found;
    }

    private static bool IsOfHost(MigrationObstacleKind kind) => kind is MigrationObstacleKind.HostUnreachable
        or MigrationObstacleKind.SameHost or MigrationObstacleKind.Hypervisor or MigrationObstacleKind.Maintenance
        or MigrationObstacleKind.Memory or MigrationObstacleKind.VMExists or MigrationObstacleKind.CpuModel or MigrationObstacleKind.Machine
        or MigrationObstacleKind.Network or MigrationObstacleKind.Storage or MigrationObstacleKind.Version;

    private static async Task<bool> IsOffAsync(KumoiConnection host, Guid vm, CancellationToken cancellationToken)
    {
        try
        {
            return await host.Link.SendAsync(new ReadWhereabouts(vm), cancellationToken) is VMWhereabouts.Off;
        }
        catch (HypervisorException)
        {
            return false;
        }
    }

    private static KumoiFtFinding Finding(KumoiVM vm, string host, string message, string action) => new()
    {
        VM = vm.Name,
        VMHost = host,
        Message = message,
        RecommendedAction = action,
    };
}
