using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets;

/// <summary>
/// Finds what stands in the way of live migrations, without changing anything: one call to the source, and one to each target.
/// </summary>
public static class MigrationChecks
{
    /// <summary>Checks a VM against each of the hosts, all at once; in their order.</summary>
    /// <exception cref="HypervisorException">The VM, or its own host, cannot be read.</exception>
    public static Task<IReadOnlyList<KumoiMigrationCheck>> CheckAsync(
        KumoiVM vm, IReadOnlyList<KumoiConnection> targets, MigrationOptions options, CancellationToken cancellationToken) =>
        CheckAsync(vm, targets, options, copies: 1, cancellationToken);

    /// <summary>The same where each host is to have several of the VM at a time.</summary>
    /// <exception cref="HypervisorException">The VM, or its own host, cannot be read.</exception>
    internal static async Task<IReadOnlyList<KumoiMigrationCheck>> CheckAsync(
        KumoiVM vm, IReadOnlyList<KumoiConnection> targets, MigrationOptions options, int copies, CancellationToken cancellationToken)
    {
        var needs = (await ReadNeedsAsync(vm, options, cancellationToken)) with { Copies = copies };
        var now = new KumoiVM(vm.Connection, needs.VM, vm.Origin);
        return await Task.WhenAll(targets.Select(CheckAsync));

        async Task<KumoiMigrationCheck> CheckAsync(KumoiConnection target)
        {
            IReadOnlyList<MigrationObstacle> found;
            try
            {
                found = await CheckTargetAsync(vm, needs, target, cancellationToken);
                if (options.WithStorage && !found.Any(static obstacle => obstacle.Kind is MigrationObstacleKind.SameHost))
                {
                    found = [.. found, .. (await DiskPlaces.FindAsync(needs, target, options.TargetPool, cancellationToken)).Obstacles];
                }
            }
            catch (HypervisorException e)
            {
                found =
                [
                    new(MigrationObstacleKind.HostUnreachable, $"{target.Name} could not be asked: {e.Message}",
                        e.RecommendedAction ?? "Check that the host is up, and that its libvirt daemon runs."),
                ];
            }

            return new KumoiMigrationCheck
            {
                VM = now,
                Destination = target.Name,
                Obstacles = [.. needs.Obstacles.Concat(found).Where(obstacle => obstacle.IsFatal)],
                Warnings = [.. needs.Obstacles.Concat(found).Where(obstacle => !obstacle.IsFatal)],
            };
        }
    }

    /// <summary>What the VM needs, and what of it stands in the way.</summary>
    /// <exception cref="HypervisorException"/>
    internal static async Task<MigrationNeeds> ReadNeedsAsync(KumoiVM vm, MigrationOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return await vm.Connection.Link.SendAsync(new ReadMigrationNeeds(vm.Id, options), cancellationToken);
        }
        catch (HypervisorException e) when (e.Error is HypervisorError.VMNotFound)
        {
            throw new HypervisorException(
                $"'{vm.Name}' is no longer on {vm.VMHost}.", FaultDomain.VM, error: HypervisorError.VMNotFound, innerException: e,
                recommendedAction: "Find it with Get-KumoiVM: it may have been moved or removed.");
        }
    }

    /// <summary>What of the target stands in the way.</summary>
    /// <exception cref="HypervisorException"/>
    internal static async Task<IReadOnlyList<MigrationObstacle>> CheckTargetAsync(
        KumoiVM vm, MigrationNeeds needs, KumoiConnection target, CancellationToken cancellationToken) =>
        ReferenceEquals(target, vm.Connection)
            ? [MigrationJudge.SameHost(vm.Name, target.Name)]
            : await target.Link.SendAsync(new CheckMigrationTarget(needs), cancellationToken);
}
