using Kumoi.Fleets;
using Kumoi.Hypervisors;

namespace Kumoi.Speculation.Migration;

/// <summary>Finds the targets that a migration can be tried on.</summary>
internal static class MigrationPreflight
{
    /// <summary>Asks all targets at once. Those that cannot take the VM, or cannot be asked, are left out, each with its failure.</summary>
    public static async Task<(List<KumoiConnection> Fit, List<MigrationReplica> LeftOut)> RunAsync(
        KumoiVM vm, MigrationNeeds needs, IReadOnlyList<KumoiConnection> targets, TimeProvider time, CancellationToken cancellationToken)
    {
        var checks = targets.Select(target => new MigrationReplica(target, number: 0) { IsRemoved = true }).ToList();
        await Stragglers.RunAsync(checks, (check, token) => CheckAsync(vm, needs, check, time, token), time, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        return (
            [.. checks.Where(replica => replica.Failure is null).Select(replica => replica.Target)],
            [.. checks.Where(replica => replica.Failure is not null)]);
    }

    private static async Task<bool> CheckAsync(
        KumoiVM vm, MigrationNeeds needs, MigrationReplica replica, TimeProvider time, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        try
        {
            var obstacles = await MigrationChecks.CheckTargetAsync(vm, needs, replica.Target, cancellationToken);
            replica.Failure = obstacles.FirstOrDefault(obstacle => obstacle.IsFatal)?.ToException(FaultDomain.Host);
            replica.IsRefused = replica.Failure is not null;
        }
        catch (HypervisorException e)
        {
            // Whatever kept it from answering, it is no fault of the VM.
            replica.Failure = e.FaultDomain is FaultDomain.Host ? e : new HypervisorException(
                e.Message, FaultDomain.Host, error: e.Error, recommendedAction: e.RecommendedAction, innerException: e);
        }

        catch (OperationCanceledException)
        {
            replica.Failure = Stragglers.Silent(replica.Name);
        }

        replica.Duration = time.GetElapsedTime(begun);
        return replica.Failure is null;
    }
}
