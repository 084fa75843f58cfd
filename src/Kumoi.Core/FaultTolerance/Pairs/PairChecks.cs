using Kumoi.FaultTolerance.Engines;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>Finds what stands in the way of protecting a VM, without changing anything.</summary>
internal static class PairChecks
{
    /// <summary>What stands in the way with the engine that is asked for, or with the best one in whose way nothing stands.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="backups">The hosts that are to take over.</param>
    /// <param name="order">What is asked for, but for its engine.</param>
    /// <param name="choice">The engine that is asked for.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The order with its engine, and what stands in the way of that.</returns>
    /// <exception cref="HypervisorException">The VM's own host cannot be read.</exception>
    public static async Task<(PairOrder Order, IReadOnlyList<KumoiFtFinding> Found)> ChooseAsync(
        KumoiVM vm, IReadOnlyList<KumoiConnection> backups, PairOrder order, EngineChoice choice, CancellationToken cancellationToken)
    {
        if (choice is not EngineChoice.Auto)
        {
            var given = order with { Engine = Enum.Parse<CheckpointEngine>(choice.ToString()) };
            return (given, await FindAsync(vm, backups, given, cancellationToken));
        }

        var passed = new List<string>();
        foreach (var (engine, why) in ByPreference(order))
        {
            var chosen = order with { Engine = engine, EngineReason = string.Join(' ', passed.Prepend(why)) };
            var found = await FindAsync(vm, backups, chosen, cancellationToken);
            if (CanServe(found, backups, vm))
            {
                return (chosen, found);
            }

            passed.Add($"{engine} cannot serve: {found.First().Message}");
        }

        // What every engine finds is in this one's way too, and it asks for least.
        order = order with { Engine = CheckpointEngine.LibvirtSnapshot };
        return (order, await FindAsync(vm, backups, order, cancellationToken));
    }

    /// <summary>Nothing stands in the way at the VM, nor at all of the hosts.</summary>
    public static bool CanServe(IReadOnlyList<KumoiFtFinding> found, IReadOnlyList<KumoiConnection> backups, KumoiVM vm) =>
        found.All(static finding => finding.IsOfBackup)
            && backups.Any(host => !ReferenceEquals(host, vm.Connection) && found.All(finding => finding.VMHost != host.Name));

    /// <summary>Of the VM first, then of the hosts in their order; empty: nothing.</summary>
    /// <param name="vm">The VM.</param>
    /// <param name="backups">The hosts that are to take over.</param>
    /// <param name="order">What is asked for.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="HypervisorException">The VM's own host cannot be read.</exception>
    public static async Task<IReadOnlyList<KumoiFtFinding>> FindAsync(
        KumoiVM vm, IReadOnlyList<KumoiConnection> backups, PairOrder order, CancellationToken cancellationToken)
    {
        var plan = PairRun.PlanOf(order);
        var obstacles = await PairPreflight.FindAsync(vm.Connection.Link, plan, standby: null, cancellationToken);
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
        found.AddRange(others.SelectMany(host => PairPreflight.JudgeMemorySeen(host.Link, plan).Select(
            obstacle => Finding(vm, host.Name, obstacle.Message, obstacle.RecommendedAction) with { IsOfBackup = true })));
        var copies = plan.Engine is CheckpointEngine.Migrate ? 2 : 1; // one standby has the last checkpoint, one gets the next
        foreach (var check in await MigrationChecks.CheckAsync(vm, others, new MigrationOptions(), copies, cancellationToken))
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

    /// <summary>The engines and why each would be taken, the best one first.</summary>
    private static IEnumerable<(CheckpointEngine Engine, string Why)> ByPreference(PairOrder order)
    {
        if (order.IsSimulated)
        {
            yield return (CheckpointEngine.LibvirtSnapshot, "Simulated hosts have no other.");
            yield break;
        }

        yield return (CheckpointEngine.SharedDelta, "It sends no more than what has changed, and takes over at once.");
        var migrate = (CheckpointEngine.Migrate, "Its pauses are the shortest, and it takes over at once.");
        if (order is { AllowUnencrypted: true, Goals.MaxOutputLatencyMs: null })
        {
            yield return migrate; // the admin has opened its way; but each of its checkpoints waits for the start of a standby
        }

        yield return (CheckpointEngine.LibvirtSnapshot, "It needs nothing but libvirt, and its checkpoints outlive a backup.");
        yield return migrate;
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
