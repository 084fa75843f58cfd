using Kumoi.FaultTolerance.Engines;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>
/// A look at a VM and at the hosts that are to take over, for one engine after the other: what does not depend on the engine is asked once.
/// </summary>
internal sealed class PairLook(KumoiVM vm, IReadOnlyList<KumoiConnection> backups)
{
    private readonly List<KumoiConnection> _others = [.. backups.Where(host => !ReferenceEquals(host, vm.Connection))];
    private readonly Dictionary<int, IReadOnlyList<KumoiFtFinding>> _byCopies = [];

    /// <summary>What stands in the way at the VM.</summary>
    /// <exception cref="HypervisorException">Its host cannot be read.</exception>
    public async Task<IReadOnlyList<KumoiFtFinding>> AtVMAsync(PairOrder order, CancellationToken cancellationToken)
    {
        var obstacles = await PairPreflight.FindAsync(vm.Connection.Link, PairRun.PlanOf(order), standby: null, cancellationToken);
        List<KumoiFtFinding> found =
        [
            .. obstacles.Select(obstacle => Finding(vm.VMHost, obstacle.Message, obstacle.RecommendedAction)),
        ];
        if (_others.Count == 0)
        {
            found.Add(Finding(
                vm.VMHost, $"'{vm.Name}' runs on {vm.VMHost}: that host cannot be its own backup.", "Give another host with -BackupHost."));
        }

        return found;
    }

    /// <summary>What stands in the way at the hosts, in their order.</summary>
    /// <exception cref="HypervisorException">The VM's own host cannot be read.</exception>
    public async Task<IReadOnlyList<KumoiFtFinding>> AtBackupsAsync(PairOrder order, CancellationToken cancellationToken)
    {
        var plan = PairRun.PlanOf(order);
        // One standby has the last checkpoint, one gets the next; one replays, and one waits for what that comes to.
        var copies = plan.CheckpointsBy is not null || plan.Engine is CheckpointEngine.Migrate or CheckpointEngine.LogReplay ? 2 : 1;
        if (!_byCopies.TryGetValue(copies, out var found))
        {
            _byCopies[copies] = found = await JudgeAsync(copies, cancellationToken);
        }

        return
        [
            .. _others.SelectMany(host => PairPreflight.JudgeMemorySeen(host.Link, plan).Select(
                obstacle => Finding(host.Name, obstacle.Message, obstacle.RecommendedAction) with { IsOfBackup = true })),
            .. found,
        ];
    }

    private async Task<IReadOnlyList<KumoiFtFinding>> JudgeAsync(int copies, CancellationToken cancellationToken)
    {
        List<KumoiFtFinding> found = [];
        foreach (var check in await MigrationChecks.CheckAsync(vm, _others, new MigrationOptions(), copies, cancellationToken))
        {
            // What is of the VM was judged by what a pair covers; it may be off, and is started then.
            var needs = check.Obstacles.Where(obstacle => IsOfHost(obstacle.Kind)).ToList();
            if (needs.Exists(static obstacle => obstacle.Kind is MigrationObstacleKind.VMExists)
                && await IsOffAsync(_others.First(host => host.Name == check.Destination), vm.Id, cancellationToken))
            {
                needs.RemoveAll(static obstacle => obstacle.Kind is MigrationObstacleKind.VMExists); // it served there before
            }

            found.AddRange(needs.Select(
                obstacle => Finding(check.Destination, obstacle.Message, obstacle.RecommendedAction) with { IsOfBackup = true }));
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

    private KumoiFtFinding Finding(string host, string message, string action) => new()
    {
        VM = vm.Name,
        VMHost = host,
        Message = message,
        RecommendedAction = action,
    };
}
