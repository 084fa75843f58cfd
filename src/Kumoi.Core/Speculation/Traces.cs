using Kumoi.Fleets;
using Kumoi.Hypervisors;

namespace Kumoi.Speculation;

/// <summary>
/// Reads what an operation on several hosts has on one of them, and removes what one that starts a VM has left there: by the operation's id,
/// which everything that it makes carries. Never touches a VM that runs.
/// </summary>
internal static class Traces
{
    private static readonly TimeSpan ReadTimeout = TimeSpan.FromSeconds(15);

    /// <summary>What the host has of the VM; Unknown where it does not answer.</summary>
    public static async Task<VMPlace> ReadPlaceAsync(KumoiConnection host, Guid id, TimeProvider time, CancellationToken cancellationToken = default)
    {
        using var patience = new CancellationTokenSource(ReadTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        try
        {
            return await host.Link.ReadPlaceAsync(id, either.Token);
        }
        catch (Exception e) when (e is HypervisorException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return VMPlace.Unknown;
        }
    }

    /// <summary>
    /// The VM on the host that has won. That it cannot be read just now is no failure of the operation, and nothing to try another host for:
    /// then it is as it is known, in a state that is not.
    /// </summary>
    public static async Task<VMReading> ReadWinnerAsync(KumoiConnection winner, VMReading known)
    {
        var unread = known with { State = PowerState.Unknown };
        try
        {
            return await winner.Link.FindVMAsync(known.Id, CancellationToken.None) ?? unread;
        }
        catch (HypervisorException)
        {
            return unread;
        }
    }

    /// <summary>Removes the operation's replica, with the volumes that were made for it, and sees it gone. The VM's own host keeps the VM, off.</summary>
    /// <exception cref="HypervisorException">It may be there still: the host does not answer, or somebody has let it run.</exception>
    public static async Task RemoveAsync(KumoiConnection host, bool isHome, Guid id, OperationId operation, CancellationToken cancellationToken)
    {
        var place = await host.Link.ReadPlaceAsync(id, cancellationToken);
        if (place is VMPlace.Running && (isHome || await CarriesAsync(host, id, operation, cancellationToken)))
        {
            throw Runs(host, id);
        }

        if (isHome)
        {
            if (place is VMPlace.Paused or VMPlace.MigrationPaused or VMPlace.Stopping)
            {
                await UnlessGoneAsync(host.Link.DestroyAsync(id, operation, cancellationToken));
                place = await host.Link.ReadPlaceAsync(id, cancellationToken);
            }

            if (place is not (VMPlace.Off or VMPlace.Absent))
            {
                throw Left(host, id, place);
            }

            return;
        }

        await host.Link.UndoDefineAsync(operation, cancellationToken);
        place = await host.Link.ReadPlaceAsync(id, cancellationToken);
        if (place is not VMPlace.Absent && await CarriesAsync(host, id, operation, cancellationToken))
        {
            throw Left(host, id, place);
        }
    }

    /// <summary>Removes the definition of a VM that runs on another host now; its disks are in use there.</summary>
    /// <exception cref="HypervisorException">It is there still.</exception>
    public static async Task RemoveHomeAsync(KumoiConnection home, Guid id, OperationId operation, CancellationToken cancellationToken)
    {
        await RemoveAsync(home, isHome: true, id, operation, cancellationToken);
        if (await home.Link.ReadPlaceAsync(id, cancellationToken) is not VMPlace.Absent)
        {
            await UnlessGoneAsync(home.Link.UndefineAsync(id, removeVolumes: false, operation, cancellationToken));
        }

        if (await home.Link.ReadPlaceAsync(id, cancellationToken) is not VMPlace.Absent and var place)
        {
            throw Left(home, id, place);
        }
    }

    /// <summary>Somebody else's VM of the same id does not.</summary>
    public static async Task<bool> CarriesAsync(KumoiConnection host, Guid id, OperationId operation, CancellationToken cancellationToken)
    {
        try
        {
            return SpeculationMetadata.Read(await host.Link.ReadXmlAsync(id, cancellationToken))?.Operation == operation;
        }
        catch (HypervisorException e) when (e.Error is HypervisorError.VMNotFound)
        {
            return false;
        }
    }

    /// <summary>
    /// The hypervisor removes a dead controller's copies by itself, at any moment. A daemon that has just been restarted says that a VM does
    /// not run to the very call that has ended it.
    /// </summary>
    public static async Task UnlessGoneAsync(Task removal)
    {
        try
        {
            await removal;
        }
        catch (HypervisorException e) when (e.Error is HypervisorError.VMNotFound or HypervisorError.InvalidState)
        {
            // That is what was wanted; it is looked at again.
        }
    }

    private static HypervisorException Runs(KumoiConnection host, Guid id) => new(
        $"VM {id} runs on {host.Name}: somebody has started it there.", FaultDomain.VM, error: HypervisorError.InvalidState,
        recommendedAction: "Find out where it is meant to run, and stop it elsewhere at once.");

    private static HypervisorException Left(KumoiConnection host, Guid id, VMPlace place) => new(
        $"{host.Name} has VM {id} still: {place}.", FaultDomain.Host, error: HypervisorError.Other, recommendedAction: "Run Repair-KumoiOperation.");
}
