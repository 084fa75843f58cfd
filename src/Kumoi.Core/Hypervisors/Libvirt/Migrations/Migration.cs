using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// One live migration: issues the call, has it watched, and afterwards believes what both ends have rather than what the call said.
/// </summary>
internal sealed class Migration(
    LibvirtLink source,
    LibvirtLink target,
    Guid id,
    MigrationOptions options,
    IProgress<MigrationProgress>? progress,
    TimeProvider time)
{
    /// <summary>How long both ends are read again until they tell where the VM is: a daemon restarts in a second or two.</summary>
    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan SettlePause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ReadPatience = TimeSpan.FromSeconds(5);

    public async Task<VMReading> RunAsync(CancellationToken cancellationToken)
    {
        var peerUri = options.PeerToPeer ? PeerUri() : null;

        // Its connections are made while the checks read: neither waits for the other. Null: it does not come to the call.
        var decided = new TaskCompletionSource<MigrationCall?>(TaskCreationOptions.RunContinuationsAsynchronously);
        var running = peerUri is null
            ? source.RunJobAsync(from => target.WithJobConnection(to => Decided()?.RunDirect(from, to)))
            : source.RunJobAsync(from => Decided()?.RunPeerToPeer(from));
        MigrationSubject subject;
        MigrationReport report;
        MigrationCall call;
        try
        {
            subject = await source.ReadAsync(connection => MigrationSubject.Read(connection, id, options), cancellationToken);
            report = new MigrationReport(subject.Name, source.HostName, target.HostName, options);
            await CheckAsync(subject, report, cancellationToken);
            call = new MigrationCall(id, peerUri, MigrationCall.Flags(options, subject.IsPersistent), options, subject.Definitions);
            decided.SetResult(call);
        }
        catch
        {
            decided.SetResult(null);
            throw;
        }

        var watch = new MigrationCallWatch(source, id, call, options, report, progress, time);
        await watch.WatchAsync(running, cancellationToken);
        var stop = watch.Stop;
        if (call.TryWithdraw())
        {
            // It never went out: cancelled in time, or no connection could be made.
            return stop switch
            {
                MigrationStop.None => await ThrowAsync(running),
                MigrationStop.Cancelled => throw new OperationCanceledException(cancellationToken),
                _ => throw report.Stopped(stop, null, targetAnswers: true),
            };
        }

        var outcome = (await running)!;
        return await SettleAsync(subject, outcome, stop, report, cancellationToken);

        MigrationCall? Decided() => decided.Task.GetAwaiter().GetResult();
    }

    private static async Task<VMReading> ThrowAsync(Task running)
    {
        await running;
        throw new InvalidOperationException("A migration that was not issued cannot have ended well.");
    }

    private string PeerUri() => options.TargetUri ?? target.PeerUri ?? throw new HypervisorException(
        $"Cannot migrate peer-to-peer to {target.HostName}: the source host cannot use the URI {target.Uri}, which leads to it from this "
            + "computer only.",
        FaultDomain.Unknown,
        error: HypervisorError.NotSupported,
        recommendedAction:
            "Give TargetUri, the address under which the source host reaches the target's daemon (such as qemu+tls://host/system), "
            + "or migrate without peer-to-peer.");

    /// <summary>What would fail, or do harm, is found before anything is changed.</summary>
    private async Task CheckAsync(MigrationSubject subject, MigrationReport report, CancellationToken cancellationToken)
    {
        // Aborting our own migration would otherwise abort that other job, which we would be waiting for.
        if (subject.IsBusy)
        {
            throw report.Busy();
        }

        // QEMU on the target would say it as a failure of that host, and every other host would be tried in vain.
        if (subject.Listening is { } listening)
        {
            throw listening.ToException(FaultDomain.VM);
        }

        var namesake = await target.SendAsync(new FindVMByName(subject.Name), cancellationToken);
        if (namesake is not null && (namesake.Id != id || namesake.State != PowerState.Shutoff))
        {
            throw namesake.Id == id && namesake.State == PowerState.Running && subject.State == PowerState.Running
                ? report.RunsTwice()
                : report.NameTaken();
        }
    }

    private async Task<VMReading> SettleAsync(
        MigrationSubject before, MigrationOutcome outcome, MigrationStop stop, MigrationReport report, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        var last = MigrationVerdict.Undecided;
        while (true)
        {
            var facts = await ReadFactsAsync(before, outcome);
            var verdict = facts.Judge();

            // The two ends are not read at the same moment, so a bad verdict must come twice.
            var isSure = verdict is MigrationVerdict.Moved or MigrationVerdict.Stayed
                || (verdict != MigrationVerdict.Undecided && verdict == last);
            if (isSure || time.GetElapsedTime(begun) >= SettlePatience)
            {
                return verdict switch
                {
                    MigrationVerdict.Moved => await ArriveAsync(before, facts.Arrived),
                    MigrationVerdict.Stayed when stop == MigrationStop.Cancelled => throw new OperationCanceledException(cancellationToken),
                    MigrationVerdict.Stayed => throw report.Failed(outcome, stop, targetAnswers: facts.Target != VMWhereabouts.Unknown),
                    MigrationVerdict.RunsTwice => throw report.RunsTwice(),
                    MigrationVerdict.MovedWithRemains => throw report.Remains(),
                    _ => throw report.Undecided(facts, outcome),
                };
            }

            last = verdict;
            await Task.Delay(SettlePause, time, CancellationToken.None);
        }
    }

    /// <summary>The definition comes without what libvirt keeps apart from it.</summary>
    private async Task<VMReading> ArriveAsync(MigrationSubject before, VMReading? read)
    {
        var arrived = read
            ?? await target.ReadAsync(connection => HostReadings.Of(target).Read(connection, id), CancellationToken.None);
        if (!arrived.IsPersistent || arrived.IsAutostart == before.IsAutostart)
        {
            return arrived;
        }

        try
        {
            await target.ChangeAsync(
                id, (connection, domain) => HostBoundState.SetAutostart(connection, domain, before.IsAutostart), CancellationToken.None);
            return arrived with { IsAutostart = before.IsAutostart };
        }
        catch (HypervisorException e)
        {
            var command = $"virsh autostart {(before.IsAutostart ? "" : "--disable ")}'{before.Name}'";
            CallWarnings.Tell($"'{before.Name}' has moved, but its autostart is not as it was: {e.Message.TrimEnd('.')}. Set it on "
                + $"{target.HostName}: {command}.");
            return arrived;
        }
    }

    private async Task<MigrationFacts> ReadFactsAsync(MigrationSubject before, MigrationOutcome outcome)
    {
        // What is most probably asked next of the target is read with it.
        var there = ReadPlaceAsync(target, HostReadings.Of(target).VMs.Read);
        var here = await ReadPlaceAsync(source, static (_, _) => null);
        var isLost = outcome.SourceLoss is not null;
        var isJobActive = isLost && await HasJobAsync();
        var place = await there;
        return new MigrationFacts(
            IsDone: outcome.Failure is null, isLost, isJobActive, WasPaused: before.State == PowerState.Paused, here.Whereabouts,
            place.Whereabouts)
        {
            Arrived = place.Reading,
        };
    }

    private async Task<Place> ReadPlaceAsync(LibvirtLink link, Func<LibvirtConnection, DomainHandle, VMReading?> read)
    {
        using var patience = new CancellationTokenSource(ReadPatience, time);
        try
        {
            return await link.ReadAsync(Read, patience.Token);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException or ObjectDisposedException)
        {
            return new Place(VMWhereabouts.Unknown, null);
        }

        Place Read(LibvirtConnection connection)
        {
            using var domain = connection.FindDomain(id);
            return domain is null
                ? new Place(VMWhereabouts.Absent, null)
                : new Place(WhereaboutsReader.Read(connection, domain), read(connection, domain));
        }
    }

    private async Task<bool> HasJobAsync()
    {
        using var patience = new CancellationTokenSource(ReadPatience, time);
        try
        {
            return await source.ReadAsync(connection => DomainJob.Find(connection, id), patience.Token) is not null;
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException or ObjectDisposedException)
        {
            return true; // cannot be ruled out
        }
    }

    /// <summary>What an end has of the VM.</summary>
    private sealed record Place(VMWhereabouts Whereabouts, VMReading? Reading);
}
