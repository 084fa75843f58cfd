using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
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
            subject = await source.ReadAsync(ReadSubject, cancellationToken);
            report = new MigrationReport(subject.VM.Name, source.HostName, target.HostName, options);
            await CheckAsync(subject, report, cancellationToken);
            call = new MigrationCall(
                id, peerUri, MigrationCall.Flags(options, subject.VM.IsPersistent), options, subject.Definitions);
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
        return await SettleAsync(subject.VM, outcome, stop, report, cancellationToken);

        MigrationCall? Decided() => decided.Task.GetAwaiter().GetResult();
    }

    private static async Task<VMReading> ThrowAsync(Task running)
    {
        await running;
        throw new InvalidOperationException("A migration that was not issued cannot have ended well.");
    }

    private string PeerUri() => options.TargetUri ?? target.PeerUri ?? throw new HypervisorException(
        $"Cannot migrate peer-to-peer to {target.HostName}: its URI {target.Uri} is of a local socket, which the source host cannot use.",
        FaultDomain.Unknown,
        error: HypervisorError.NotSupported,
        recommendedAction:
            "Give TargetUri, the address under which the source host reaches the target's daemon (such as qemu+tls://host/system), "
            + "or migrate without peer-to-peer.");

    /// <summary>What its host has of the VM, all at once.</summary>
    private MigrationSubject ReadSubject(LibvirtConnection connection)
    {
        var vm = HostReadings.Of(source).Read(connection, id);
        using var domain = connection.GetDomain(id);
        if (DomainJob.Read(connection, domain) is not null)
        {
            return new MigrationSubject(vm, IsBusy: true, Listening: null, Definitions: null);
        }

        return new MigrationSubject(
            vm,
            IsBusy: false,
            MigrationJudge.JudgeListening(DomainCalls.ReadMigratable(connection, domain))
                .FirstOrDefault(static obstacle => obstacle.IsFatal),
            options.Disks.Count == 0 ? null : TargetDefinitions.Read(connection, id, vm.IsPersistent, options.Disks));
    }

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

        var vm = subject.VM;
        var namesake = await target.SendAsync(new FindVMByName(vm.Name), cancellationToken);
        if (namesake is not null && (namesake.Id != id || namesake.State != PowerState.Shutoff))
        {
            throw namesake.Id == id && namesake.State == PowerState.Running && vm.State == PowerState.Running
                ? report.RunsTwice()
                : report.NameTaken();
        }
    }

    private async Task<VMReading> SettleAsync(
        VMReading vm, MigrationOutcome outcome, MigrationStop stop, MigrationReport report, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        var before = MigrationVerdict.Undecided;
        while (true)
        {
            var facts = await ReadFactsAsync(vm, outcome);
            var verdict = facts.Judge();

            // The two ends are not read at the same moment, so a bad verdict must come twice.
            var isSure = verdict is MigrationVerdict.Moved or MigrationVerdict.Stayed
                || (verdict != MigrationVerdict.Undecided && verdict == before);
            if (isSure || time.GetElapsedTime(begun) >= SettlePatience)
            {
                return verdict switch
                {
                    MigrationVerdict.Moved => await ArriveAsync(vm, facts.Arrived),
                    MigrationVerdict.Stayed when stop == MigrationStop.Cancelled => throw new OperationCanceledException(cancellationToken),
                    MigrationVerdict.Stayed => throw report.Failed(outcome, stop, targetAnswers: facts.Target != VMWhereabouts.Unknown),
                    MigrationVerdict.RunsTwice => throw report.RunsTwice(),
                    MigrationVerdict.MovedWithRemains => throw report.Remains(),
                    _ => throw report.Undecided(facts, outcome),
                };
            }

            before = verdict;
            await Task.Delay(SettlePause, time, CancellationToken.None);
        }
    }

    /// <summary>The definition comes without what libvirt keeps apart from it.</summary>
    private async Task<VMReading> ArriveAsync(VMReading before, VMReading? read)
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

    private async Task<MigrationFacts> ReadFactsAsync(VMReading vm, MigrationOutcome outcome)
    {
        // What is most probably asked next of the target is read with it.
        var there = ReadPlaceAsync(target, ReadIfThere);
        var here = await ReadPlaceAsync(source, static _ => null);
        var isLost = outcome.SourceLoss is not null;
        var isJobActive = isLost && await HasJobAsync();
        var place = await there;
        return new MigrationFacts(
            IsDone: outcome.Failure is null, isLost, isJobActive, WasPaused: vm.State == PowerState.Paused, here.Whereabouts, place.Whereabouts)
        {
            Arrived = place.Reading,
        };
    }

    private VMReading? ReadIfThere(LibvirtConnection connection) => HostReadings.Of(target).ReadIfFound(connection, connection.FindDomain(id));

    private async Task<Place> ReadPlaceAsync(LibvirtLink link, Func<LibvirtConnection, VMReading?> read)
    {
        using var patience = new CancellationTokenSource(ReadPatience, time);
        try
        {
            return await link.ReadAsync(connection => new Place(WhereaboutsReader.Read(connection, id), read(connection)), patience.Token);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException or ObjectDisposedException)
        {
            return new Place(VMWhereabouts.Unknown, null);
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
