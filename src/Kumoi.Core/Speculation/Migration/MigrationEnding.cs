using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Speculation.Migration;

/// <summary>Tells the source and the targets of a speculative migration how it has ended.</summary>
internal sealed class MigrationEnding(KumoiVM vm, TimeProvider time)
{
    /// <summary>Ending must not be cut short by what made it necessary, but must not hang either.</summary>
    private static readonly TimeSpan EndingTimeout = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Takes everything back, on the source and on the targets at once: a target that is silent shall not keep the VM paused. The starting step
    /// went to none of them, or they were proven absent since: a target that does not answer holds at most a copy that cannot start by itself,
    /// and is destroyed there when our connection ends.
    /// </summary>
    public async Task RevertAsync(IOutgoingMigration outgoing, IReadOnlyList<MigrationReplica> replicas)
    {
        var abandoning = Task.WhenAll(replicas.Select(TryAbandonAsync));
        try
        {
            await ConfirmAsync(outgoing, cancelled: true, $"'{vm.Name}' may be paused: {vm.VMHost} did not confirm that it keeps it", "resumes it there");
        }
        finally
        {
            await abandoning;
            await DisposeAsync(replicas);
        }
    }

    public async Task ConfirmAsync(IOutgoingMigration outgoing, bool cancelled, string problem, string remedy)
    {
        using var limit = new CancellationTokenSource(EndingTimeout, time);
        try
        {
            await vm.Connection.Link.SendAsync(new ConfirmMigration(outgoing, cancelled), limit.Token);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            throw new HypervisorException(
                $"{problem}: {e.Message}", FaultDomain.Host, outcomeUnknown: true, innerException: e,
                recommendedAction: $"When {vm.VMHost} answers, run Repair-KumoiOperation: it {remedy}.");
        }
    }

    /// <summary>Now it is nowhere else.</summary>
    public async Task ResumeAsync(MigrationReplica winner)
    {
        try
        {
            await winner.Target.Link.SendAsync(new ResumeVM(vm.Id), CancellationToken.None);
        }
        catch (HypervisorException e)
        {
            throw new HypervisorException(
                $"'{vm.Name}' has moved to {winner.Name}, and could not be resumed there: {e.Message}", FaultDomain.Host, outcomeUnknown: true, innerException: e,
                recommendedAction: $"When {winner.Name} answers, run Repair-KumoiOperation: it resumes the VM.");
        }
    }

    public async Task UnmarkAsync(MigrationReplica winner)
    {
        using var limit = new CancellationTokenSource(EndingTimeout, time);
        try
        {
            await winner.Target.Link.SendAsync(new MarkVM(vm.Id, null), limit.Token);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            // Whoever finds the mark can tell from the journal, or from the hosts, that the operation is over.
        }
    }

    public async Task TryAbandonAsync(MigrationReplica replica)
    {
        try
        {
            await AbandonAsync(replica);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            replica.IsClean = false;
            replica.Failure ??= e;
        }
    }

    public async Task AbandonAsync(MigrationReplica replica)
    {
        if (replica.Incoming is not { } incoming || replica.IsAbandoned)
        {
            return;
        }

        using var limit = new CancellationTokenSource(EndingTimeout, time);
        await replica.Target.Link.SendAsync(new AbandonMigration(incoming), limit.Token);
        replica.IsAbandoned = true;
    }

    public static async Task DisposeAsync(IEnumerable<MigrationReplica> replicas)
    {
        foreach (var replica in replicas)
        {
            if (replica.Incoming is { } incoming)
            {
                await incoming.DisposeAsync();
            }
        }
    }
}
