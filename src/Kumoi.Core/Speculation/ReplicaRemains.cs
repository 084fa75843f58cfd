using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Speculation;

/// <summary>
/// Reads what an operation on several hosts has on one of them, and removes what it has left there: what carries its mark, with the number
/// of that host, and nothing else. Never touches a VM that runs.
/// </summary>
internal static class ReplicaRemains
{
    private static readonly TimeSpan ReadTimeout = TimeSpan.FromSeconds(15);

    /// <summary>What the host has of the VM; Unknown where it does not answer.</summary>
    public static Task<VMWhereabouts> ReadPlaceAsync(
        KumoiConnection host, Guid id, TimeProvider time, CancellationToken cancellationToken = default) =>
        ReadAsync(async token => await host.Link.SendAsync(new ReadWhereabouts(id), token), time, cancellationToken);

    /// <summary>
    /// The same of the operation's copy: a VM that is off and does not carry its mark is a definition that was there before, and that the
    /// starting step would have written over.
    /// </summary>
    public static Task<VMWhereabouts> ReadCopyAsync(
        KumoiConnection host, Guid id, OperationId operation, TimeProvider time, CancellationToken cancellationToken = default) =>
        ReadAsync(
            async token =>
            {
                var place = await host.Link.SendAsync(new ReadWhereabouts(id), token);
                return place is not VMWhereabouts.Off || await CarriesAsync(host, id, operation, token) ? place : VMWhereabouts.Absent;
            },
            time,
            cancellationToken);

    /// <summary>
    /// The VM on the host that has won. That it cannot be read just now is no failure of the operation, and nothing to try another host
    /// for: then it is as it is known, in a state that is not.
    /// </summary>
    public static async Task<VMReading> ReadWinnerAsync(KumoiConnection winner, VMReading known)
    {
        var unread = known with { State = PowerState.Unknown };
        try
        {
            return await winner.Link.SendAsync(new FindVM(known.Id), CancellationToken.None) ?? unread;
        }
        catch (HypervisorException)
        {
            return unread;
        }
    }

    /// <summary>
    /// Removes the replica of an operation that starts a VM, with the volumes that were made for it, and sees it gone. The VM's own host
    /// keeps the VM, off.
    /// </summary>
    /// <param name="host">Where.</param>
    /// <param name="replica">The host's number in the mark; 0: its own host.</param>
    /// <param name="id">The VM.</param>
    /// <param name="operation">The operation.</param>
    /// <param name="cancellationToken">It may be there still.</param>
    /// <exception cref="HypervisorException">It may be there still: the host does not answer, or somebody has let it run.</exception>
    /// <returns>Whether there was one.</returns>
    public static async Task<bool> RemoveAsync(
        KumoiConnection host, int replica, Guid id, OperationId operation, CancellationToken cancellationToken)
    {
        var isHome = replica == 0;
        VMWhereabouts[] paused = [VMWhereabouts.Paused, VMWhereabouts.MigrationPaused, VMWhereabouts.Stopping];
        var wasThere = await UnlessGoneAsync(
            host, new RemoveCopy(id, new CopyRemoval(operation, replica, isHome
                ? paused : [.. paused, VMWhereabouts.Off], isHome ? CopyRemovalKind.Stop : CopyRemovalKind.Undo)), cancellationToken);
        var place = await host.Link.SendAsync(new ReadWhereabouts(id), cancellationToken);
        if (place is VMWhereabouts.Running && isHome)
        {
            throw Runs(host, id);
        }

        if (place is not VMWhereabouts.Absent && !(isHome && place is VMWhereabouts.Off)
            && (await FindMarkAsync(host, id, operation, cancellationToken))?.Replica == replica)
        {
            throw place is VMWhereabouts.Running ? Runs(host, id) : Left(host, id, place);
        }

        return wasThere;
    }

    /// <summary>
    /// Removes the definition of a VM that is on another host now; its disks are in use there. What is not the operation's stays: somebody
    /// has made it anew.
    /// </summary>
    /// <exception cref="HypervisorException">It is there still, or somebody has started it there.</exception>
    public static async Task RemoveHomeAsync(KumoiConnection home, Guid id, OperationId operation, CancellationToken cancellationToken)
    {
        await UnlessGoneAsync(
            home, new RemoveCopy(id, new CopyRemoval(
                operation, 0, [VMWhereabouts.Off, VMWhereabouts.Paused, VMWhereabouts.MigrationPaused, VMWhereabouts.Stopping],
                CopyRemovalKind.Undefine)),
            cancellationToken);
        if (await home.Link.SendAsync(new ReadWhereabouts(id), cancellationToken) is not VMWhereabouts.Absent and var place
            && (place is VMWhereabouts.Running || await CarriesAsync(home, id, operation, cancellationToken)))
        {
            throw place is VMWhereabouts.Running ? Runs(home, id) : Left(home, id, place);
        }
    }

    /// <summary>
    /// Takes the operation's mark off a VM that is where it belongs: whoever finds it there would take the VM for a leftover.
    /// </summary>
    public static async Task UnmarkAsync(KumoiConnection host, Guid id, OperationId operation, CancellationToken cancellationToken)
    {
        if (await CarriesAsync(host, id, operation, cancellationToken))
        {
            await host.Link.SendAsync(new MarkVM(id, null), cancellationToken);
        }
    }

    /// <summary>Somebody else's VM of the same id does not.</summary>
    public static async Task<bool> CarriesAsync(
        KumoiConnection host, Guid id, OperationId operation, CancellationToken cancellationToken) =>
        await FindMarkAsync(host, id, operation, cancellationToken) is not null;

    /// <summary>The operation's mark of the VM on that host; null: it carries none, or another one's.</summary>
    public static async Task<SpeculationMark?> FindMarkAsync(
        KumoiConnection host, Guid id, OperationId operation, CancellationToken cancellationToken)
    {
        try
        {
            var mark = SpeculationMetadata.Read(await host.Link.SendAsync(new ReadXml(id), cancellationToken));
            return mark?.Operation == operation ? mark : null;
        }
        catch (HypervisorException e) when (e.Error is HypervisorError.VMNotFound)
        {
            return null;
        }
    }

    /// <summary>
    /// The hypervisor removes a dead controller's copies by itself, at any moment. A daemon that has just been restarted says that a VM
    /// does not run to the very call that has ended it.
    /// </summary>
    public static async Task<bool> UnlessGoneAsync(KumoiConnection host, RemoveCopy removal, CancellationToken cancellationToken)
    {
        try
        {
            return await host.Link.SendAsync(removal, cancellationToken);
        }
        catch (HypervisorException e) when (e.Error is HypervisorError.VMNotFound or HypervisorError.InvalidState)
        {
            // That is what was wanted; it is looked at again.
            return false;
        }
    }

    private static async Task<VMWhereabouts> ReadAsync(
        Func<CancellationToken, Task<VMWhereabouts>> read, TimeProvider time, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(ReadTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        try
        {
            return await read(either.Token);
        }
        catch (Exception e) when (e is HypervisorException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return VMWhereabouts.Unknown;
        }
    }

    private static HypervisorException Runs(KumoiConnection host, Guid id) => new(
        $"VM {id} runs on {host.Name}: somebody has started it there.", FaultDomain.VM, error: HypervisorError.InvalidState,
        recommendedAction: "Find out where it is meant to run, and stop it elsewhere at once.");

    private static HypervisorException Left(KumoiConnection host, Guid id, VMWhereabouts place) => new(
        $"{host.Name} still has VM {id}: {place}.", FaultDomain.Host, error: HypervisorError.Other,
        recommendedAction: "Run Repair-KumoiOperation.");
}
