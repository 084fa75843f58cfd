using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Native;
using Kumoi.Hypervisors.Libvirt.Power;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// One live migration: issues the call, tells its progress, ends it when it is cancelled or hangs, and afterwards believes what
/// both ends have rather than what the call said.
/// </summary>
internal sealed class Migration(
    LibvirtLink source,
    LibvirtLink target,
    Guid id,
    MigrationOptions options,
    IProgress<MigrationProgress>? progress,
    TimeProvider time)
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a call may take to return after its job was aborted; measured: 0.1 s.</summary>
    private static readonly TimeSpan AbortPatience = TimeSpan.FromSeconds(30);

    /// <summary>How long both ends are read again until they tell where the VM is: a daemon restarts in a second or two.</summary>
    private static readonly TimeSpan SettlePatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan SettlePause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ReadPatience = TimeSpan.FromSeconds(5);

    public async Task<VMReading> RunAsync(CancellationToken cancellationToken)
    {
        string? peerUri = options.PeerToPeer ? PeerUri() : null;
        VMReading vm = await source.ReadAsync(connection => HostReadings.Of(source).Read(connection, id), cancellationToken).ConfigureAwait(false);
        MigrationReport report = new(vm.Name, source.HostName, target.HostName, options);
        await CheckAsync(vm, report, cancellationToken).ConfigureAwait(false);

        MigrationCall call = new(id, peerUri, MigrationCall.Flags(options, vm.IsPersistent), options.BandwidthBytesPerSecond);
        Task<MigrationOutcome?> running = peerUri is null
            ? source.RunJobAsync(from => target.WithJobConnection(to => call.RunDirect(from, to)))
            : source.RunJobAsync(call.RunPeerToPeer);
        MigrationStop stop = await WatchAsync(call, running, report, cancellationToken).ConfigureAwait(false);
        if (call.TryWithdraw())
        {
            // It never went out: cancelled in time, or no connection could be made.
            return stop switch
            {
                MigrationStop.None => await ThrowAsync(running).ConfigureAwait(false),
                MigrationStop.Cancelled => throw new OperationCanceledException(cancellationToken),
                _ => throw report.Stopped(stop, null, targetAnswers: true),
            };
        }

        MigrationOutcome outcome = (await running.ConfigureAwait(false))!;
        return await SettleAsync(vm, outcome, stop, report, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<VMReading> ThrowAsync(Task running)
    {
        await running.ConfigureAwait(false);
        throw new InvalidOperationException("A migration that was not issued cannot have ended well.");
    }

    private string PeerUri() => options.TargetUri ?? target.PeerUri ?? throw new HypervisorException(
        $"Cannot migrate peer-to-peer to {target.HostName}: its URI {target.Uri} is of a local socket, which the source host cannot use.",
        FaultDomain.Unknown,
        error: HypervisorError.NotSupported,
        recommendedAction:
            "Give TargetUri, the address under which the source host reaches the target's daemon (such as qemu+tls://host/system), "
            + "or migrate without peer-to-peer.");

    /// <summary>What would fail, or do harm, is found before anything is changed.</summary>
    private async Task CheckAsync(VMReading vm, MigrationReport report, CancellationToken cancellationToken)
    {
        // Aborting our own migration would otherwise abort that other job, which we would be waiting for.
        if (await source.ReadAsync(ReadJob, cancellationToken).ConfigureAwait(false) is not null)
        {
            throw report.Busy();
        }

        // QEMU on the target would say it as a failure of that host, and every other host would be tried in vain.
        if (await source.ReadAsync(ReadListening, cancellationToken).ConfigureAwait(false) is { } listening)
        {
            throw listening.ToException(FaultDomain.VM);
        }

        VMReading? namesake = await target.SendAsync(new FindVMByName(vm.Name), cancellationToken).ConfigureAwait(false);
        if (namesake is not null && (namesake.Id != id || namesake.State != PowerState.Shutoff))
        {
            throw namesake.Id == id && namesake.State == PowerState.Running && vm.State == PowerState.Running
                ? report.RunsTwice()
                : report.NameTaken();
        }
    }

    private MigrationObstacle? ReadListening(LibvirtConnection connection)
    {
        using DomainHandle domain = connection.GetDomain(id);
        return MigrationJudge.JudgeListening(DomainDefinition.Parse(DomainCalls.ReadMigratable(connection, domain))).FirstOrDefault(static obstacle => obstacle.IsFatal);
    }

    private MigrationProgress? ReadJob(LibvirtConnection connection)
    {
        using DomainHandle? domain = connection.FindDomain(id);
        return domain is null ? null : MigrationJob.Read(connection, domain);
    }

    /// <summary>Returns when the call has, or was withdrawn. Fails only if it does not end although it was aborted.</summary>
    private async Task<MigrationStop> WatchAsync(
        MigrationCall call, Task running, MigrationReport report, CancellationToken cancellationToken)
    {
        StallDetector stall = new(options.StallTimeout, time);
        CallWindow window = new();
        TaskCompletionSource cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        using PeriodicTimer timer = new(PollInterval, time);
        using CancellationTokenRegistration onCancel = cancellationToken.UnsafeRegister(
            static state => ((TaskCompletionSource)state!).TrySetResult(), cancelled);
        Task tick = timer.WaitForNextTickAsync(CancellationToken.None).AsTask();
        Task polling = Task.CompletedTask;
        Task aborting = Task.CompletedTask;
        MigrationStop stop = MigrationStop.None;
        long stoppedAt = 0;
        while (true)
        {
            await (stop == MigrationStop.None ? Task.WhenAny(running, tick, cancelled.Task) : Task.WhenAny(running, tick))
                .ConfigureAwait(false);
            if (running.IsCompleted)
            {
                break;
            }

            if (stop == MigrationStop.None)
            {
                stop = Reason(call, stall, cancellationToken);
                stoppedAt = time.GetTimestamp();
            }

            if (stop != MigrationStop.None)
            {
                if (call.TryWithdraw())
                {
                    break;
                }

                // Again and again: in its first moments a migration has no job yet that could be aborted.
                aborting = aborting.IsCompleted ? AbortAsync(window) : aborting;
                if (time.GetElapsedTime(stoppedAt) >= AbortPatience)
                {
                    throw report.DoesNotEnd(stop);
                }
            }
            else if (polling.IsCompleted)
            {
                polling = PollAsync(stall, window);
            }

            if (tick.IsCompleted)
            {
                tick = timer.WaitForNextTickAsync(CancellationToken.None).AsTask();
            }
        }

        await window.CloseAsync().ConfigureAwait(false);
        return stop;
    }

    private MigrationStop Reason(MigrationCall call, StallDetector stall, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested ? MigrationStop.Cancelled
        : call.IsTargetLost ? MigrationStop.TargetLost
        : !options.PeerToPeer && stall.IsStalled ? MigrationStop.Stalled
        : stall.IsIdling ? MigrationStop.Idling
        : MigrationStop.None;

    private async Task PollAsync(StallDetector stall, CallWindow window)
    {
        try
        {
            if (await source.ReadAsync(ReadJob, CancellationToken.None).ConfigureAwait(false) is { } now)
            {
                stall.Note(now);
                window.Pass(() => progress?.Report(now));
            }
        }
        catch (Exception e) when (e is HypervisorException or ObjectDisposedException)
        {
            // Only the progress is missed; if the source is lost, the call itself tells.
        }
    }

    private async Task AbortAsync(CallWindow window)
    {
        try
        {
            await source.ChangeAsync(
                id, (connection, domain) => window.Pass(() => MigrationJob.Abort(connection, domain)), CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HypervisorException or ObjectDisposedException)
        {
            // Tried again with the next tick, until the call ends or patience does.
        }
    }

    private async Task<VMReading> SettleAsync(
        VMReading vm, MigrationOutcome outcome, MigrationStop stop, MigrationReport report, CancellationToken cancellationToken)
    {
        long begun = time.GetTimestamp();
        MigrationVerdict before = MigrationVerdict.Undecided;
        while (true)
        {
            MigrationFacts facts = await ReadFactsAsync(vm, outcome).ConfigureAwait(false);
            MigrationVerdict verdict = facts.Judge();

            // The two ends are not read at the same moment, so a bad verdict must come twice.
            bool isSure = verdict is MigrationVerdict.Moved or MigrationVerdict.Stayed
                || (verdict != MigrationVerdict.Undecided && verdict == before);
            if (isSure || time.GetElapsedTime(begun) >= SettlePatience)
            {
                return verdict switch
                {
                    MigrationVerdict.Moved => await ArriveAsync(vm).ConfigureAwait(false),
                    MigrationVerdict.Stayed when stop == MigrationStop.Cancelled => throw new OperationCanceledException(cancellationToken),
                    MigrationVerdict.Stayed => throw report.Failed(outcome, stop, targetAnswers: facts.Target != VMWhereabouts.Unknown),
                    MigrationVerdict.RunsTwice => throw report.RunsTwice(),
                    MigrationVerdict.MovedWithRemains => throw report.Remains(),
                    _ => throw report.Undecided(facts, outcome),
                };
            }

            before = verdict;
            await Task.Delay(SettlePause, time, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>The definition comes without what libvirt keeps apart from it.</summary>
    private async Task<VMReading> ArriveAsync(VMReading before)
    {
        VMReading arrived = await target.ReadAsync(connection => HostReadings.Of(target).Read(connection, id), CancellationToken.None).ConfigureAwait(false);
        if (!arrived.IsPersistent || arrived.IsAutostart == before.IsAutostart)
        {
            return arrived;
        }

        try
        {
            await target.ChangeAsync(
                id, (connection, domain) => HostBoundState.SetAutostart(connection, domain, before.IsAutostart), CancellationToken.None).ConfigureAwait(false);
            return arrived with { IsAutostart = before.IsAutostart };
        }
        catch (HypervisorException e)
        {
            string command = $"virsh autostart {(before.IsAutostart ? "" : "--disable ")}'{before.Name}'";
            CallWarnings.Tell($"'{before.Name}' has moved, but its autostart is not as it was: {e.Message.TrimEnd('.')}. Set it on {target.HostName}: {command}.");
            return arrived;
        }
    }

    private async Task<MigrationFacts> ReadFactsAsync(VMReading vm, MigrationOutcome outcome)
    {
        Task<VMWhereabouts> there = ReadPlaceAsync(target);
        VMWhereabouts here = await ReadPlaceAsync(source).ConfigureAwait(false);
        bool isLost = outcome.SourceLoss is not null;
        return new MigrationFacts(
            IsDone: outcome.Failure is null,
            isLost,
            IsJobActive: isLost && await HasJobAsync().ConfigureAwait(false),
            WasPaused: vm.State == PowerState.Paused,
            here,
            await there.ConfigureAwait(false));
    }

    private async Task<VMWhereabouts> ReadPlaceAsync(LibvirtLink link)
    {
        using CancellationTokenSource patience = new(ReadPatience, time);
        try
        {
            return await link.ReadAsync(connection => WhereaboutsReader.Read(connection, id), patience.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException or ObjectDisposedException)
        {
            return VMWhereabouts.Unknown;
        }
    }

    private async Task<bool> HasJobAsync()
    {
        using CancellationTokenSource patience = new(ReadPatience, time);
        try
        {
            return await source.ReadAsync(ReadJob, patience.Token).ConfigureAwait(false) is not null;
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException or ObjectDisposedException)
        {
            return true; // cannot be ruled out
        }
    }
}
