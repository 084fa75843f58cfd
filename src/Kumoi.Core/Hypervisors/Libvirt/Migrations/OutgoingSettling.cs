using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>What becomes of the VM at its source where libvirt does not end the migration as it was told.</summary>
internal sealed class OutgoingSettling(MigrationOffer offer, FreshConnections connections, TimeProvider time)
{
    /// <summary>
    /// How long the source is read again after a failure until it tells what it has: a daemon restarts in a second or two.
    /// </summary>
    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long it is tried again to tell the source how the migration has ended. The VM may be paused there all the time.
    /// </summary>
    private static readonly TimeSpan RestartPatience = TimeSpan.FromSeconds(3);

    private static readonly TimeSpan SettlePause = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// What the source has after a failure. Its daemon may be away for a moment, and takes another one to let the VM go on.
    /// </summary>
    public async Task<VMWhereabouts> ReadSettledAsync()
    {
        using var patience = new CancellationTokenSource(SettlePatience, time);
        var place = VMWhereabouts.Unknown;
        try
        {
            while (place is VMWhereabouts.Unknown or VMWhereabouts.MigrationPaused)
            {
                try
                {
                    place = await connections.ReadPlaceAsync(offer.Id, patience.Token);
                }
                catch (HypervisorException)
                {
                    place = VMWhereabouts.Unknown;
                }

                if (place is VMWhereabouts.Unknown or VMWhereabouts.MigrationPaused)
                {
                    await Task.Delay(SettlePause, time, patience.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // It does not tell.
        }

        return place;
    }

    /// <summary>Does what Confirm would have done, where libvirt has forgotten the migration.</summary>
    public async Task SettleAsync(bool cancelled, LibvirtFailure failure, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        var place = VMWhereabouts.Unknown;
        while (place == VMWhereabouts.Unknown)
        {
            try
            {
                place = await connections.RunAsync(fresh => SettleOnce(fresh, cancelled), cancellationToken);
            }
            catch (HypervisorException e) when (e.Error is HypervisorError.ConnectionFailed && time.GetElapsedTime(begun) < RestartPatience)
            {
                await Task.Delay(SettlePause, time, cancellationToken); // its daemon may be back in a moment
            }
            catch (HypervisorException e)
            {
                throw NotConfirmed(cancelled, e.Message, outcomeUnknown: true, e.Error, e);
            }
        }

        var isDone = cancelled
            ? place is VMWhereabouts.Running or VMWhereabouts.Paused || (place == VMWhereabouts.MigrationPaused && offer.IsPaused)
            : place is VMWhereabouts.Absent or VMWhereabouts.Off;
        if (!isDone)
        {
            throw NotConfirmed(
                cancelled, $"{failure.Message}; the host has the VM '{place}'", outcomeUnknown: false, HypervisorError.InvalidState, null);
        }
    }

    public HypervisorException NotConfirmed(
        bool cancelled, string reason, bool outcomeUnknown, HypervisorError error, Exception? inner) => new(
        $"Cannot {(cancelled ? "take back" : "give up")} VM '{offer.Name}' on {connections.HostName}: {reason.TrimEnd('.')}.",
        FaultDomain.Host,
        isTransient: false,
        outcomeUnknown,
        error,
        recommendedAction: $"Read what {connections.HostName} has of the VM, and resume or stop it there only when it is "
            + "known where else it is.",
        innerException: inner);

    private VMWhereabouts SettleOnce(LibvirtConnection fresh, bool cancelled)
    {
        var place = WhereaboutsReader.Read(fresh, offer.Id);
        if (cancelled && place == VMWhereabouts.MigrationPaused && !offer.IsPaused)
        {
            using var vm = fresh.GetDomain(offer.Id);
            if (SpeculationMarks.IsOf(fresh, vm, offer.Plan.Operation))
            {
                DomainCalls.Resume(fresh, vm);
            }
        }

        // Never one that runs: then something is very wrong.
        if (!cancelled)
        {
            List<VMWhereabouts> leftOver = [VMWhereabouts.MigrationPaused];
            if (offer.IsPaused)
            {
                leftOver.Add(VMWhereabouts.Paused);
            }

            if (offer.IsPersistent)
            {
                leftOver.Add(VMWhereabouts.Off);
            }

            _ = MarkedCopies.Remove(fresh, offer.Id, new CopyRemoval(offer.Plan.Operation, 0, leftOver, CopyRemovalKind.Undefine));
        }

        return WhereaboutsReader.Read(fresh, offer.Id);
    }
}
