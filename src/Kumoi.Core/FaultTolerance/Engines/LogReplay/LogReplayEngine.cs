using Kumoi.FaultTolerance.Detection;
using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.FaultTolerance.Protocols.LogReplay;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>
/// Log and replay by QEMU's record/replay: the VM is recorded from its boot, and a replica on the backup host replays what it is sent. What
/// counts as a checkpoint here is an output whose log the backup has: nothing is copied, and the guest does not stand still.
/// </summary>
/// <remarks>
/// Who goes live is saved as it stands, and started again from that state, recorded: QEMU cannot end a replay. So the next replica begins
/// there, and not at the boot.
/// </remarks>
internal sealed class LogReplayEngine(PairPlan plan, ConsoleLog log, TimeProvider time) : ICheckpointEngine
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(3);

    private readonly ReplayFiles _files = new(plan);
    private readonly List<(IHypervisorLink Host, Guid Id)> _left = [];
    private ReplayCourse? _course;
    private bool _isBroken;
    private long _counted;

    public async Task<bool> StartAsync(IHypervisorLink host, Guid domain, ConsoleGate console, CancellationToken cancellationToken)
    {
        if (await host.SendAsync(new ReadWhereabouts(domain), cancellationToken) is not VMWhereabouts.Off)
        {
            return true; // one that runs is recorded, which was looked at
        }

        var recording = Guid.NewGuid().ToString("N");
        ReplayImage.Create(_files.Image(recording));
        var vm = DomainDefinition.Parse(await host.SendAsync(new ReadXml(domain), cancellationToken));
        var definition = ReplayDefinition.Recorded(vm, plan, _files.Record(recording), _files.Image(recording));
        await host.SendAsync(new StartStandby(plan.VM, domain, definition.ToString()), cancellationToken);
        await StandbyStart.ConnectedAsync(plan, host, domain, console, time, cancellationToken);
        await host.SendAsync(new ResumeVM(domain), cancellationToken);
        return true;
    }

    public async Task<MadeCheckpoint?> MakeAsync(CheckpointJob job, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time); // of an output; a replica's start has its own
        try
        {
            var domain = PairDomains.Of(plan.VM, job.Standby);
            if (_isBroken && _course is not null
                && await job.Primary.SendAsync(new ReadWhereabouts(domain), cancellationToken) is not VMWhereabouts.Running)
            {
                // The replica that has followed goes on with it, if the VM is lost.
                throw new HypervisorException(
                    $"The VM does not run on {job.Primary.HostName}.", FaultDomain.VM, isTransient: true, error: HypervisorError.InvalidState,
                    recommendedAction: "See that it runs: Get-KumoiVM.");
            }

            if (_course is { } old
                && (_isBroken || old.Replica.Host != job.Backup || old.Primary.Host != job.Primary || old.Primary.Domain != domain))
            {
                await LeaveAsync();
            }

            _isBroken = false;
            var course = _course ??= await BeginAsync(job, domain, cancellationToken);
            limit.CancelAfter(plan.CheckpointPatience);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
            var point = await course.OfferAsync(job.Number, either.Token);
            var bytes = course.Stream.Sent - _counted;
            _counted += bytes;
            var mark = new CheckpointMark(job.Number, point.Position)
            {
                Attempt = FormattableString.Invariant($"{course.Attempt}-{job.Number}"),
                Standby = course.Number,
            };
            return new MadeCheckpoint(mark, TimeSpan.Zero, bytes);
        }
        catch (HypervisorException)
        {
            _isBroken = true; // if the primary is lost, its replica is what goes on
            throw;
        }
        catch (IOException e)
        {
            _isBroken = true;
            throw new HypervisorException(
                $"The log cannot be sent: {e.Message}", FaultDomain.Storage, error: HypervisorError.InvalidState, innerException: e,
                recommendedAction: $"See that '{plan.Folder}' can be written to, and has room.");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            _isBroken = true;
            throw new HypervisorException(
                FormattableString.Invariant($"The log has not gone on for {plan.CheckpointPatience.TotalSeconds:0.#} s."), FaultDomain.VM,
                isTransient: true, error: HypervisorError.TimedOut, recommendedAction: "See that the VM runs, and the load of both hosts.");
        }
    }

    /// <summary>The host answers, and the log is there: a replica that is not can be made again from it.</summary>
    public async Task<bool> HasAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        await host.SendAsync(new ReadWhereabouts(PairDomains.Of(plan.VM, checkpoint.Standby)), cancellationToken);
        return File.Exists(_files.Messages(AttemptOf(checkpoint))) && File.Exists(_files.Log(AttemptOf(checkpoint)));
    }

    public async Task<TimeSpan> DrillAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        return await StandbyStart.IsThereAsync(host, plan.VM, checkpoint.Standby, AttemptOf(checkpoint), cancellationToken)
            ? time.GetElapsedTime(begun)
            : throw new HypervisorException(
                $"{host.HostName} does not have the replica any more.", error: HypervisorError.VMNotFound,
                recommendedAction: "Another one is made: look with Get-KumoiFtPair whether the VM is protected.");
    }

    public async Task<ConsoleGate> BringAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        var attempt = AttemptOf(checkpoint);
        var number = checkpoint.Standby ?? throw new InvalidOperationException($"{checkpoint} is in no standby.");
        if (_course is { } kept && kept.Attempt != attempt)
        {
            await LeaveAsync();
        }

        new HeldOutput(plan.VM, plan.Folder).Release(checkpoint, log); // what came before the replica did is not in its console
        await using var drain = _course is { } course
            ? await ReplayDrain.OfAsync(course)
            : await ReplayDrain.AgainAsync(plan, _files, host, number, attempt, time, cancellationToken);
        _course = null;
        _left.RemoveAll(left => left.Id == PairDomains.Of(plan.VM, number));
        var position = await drain.DrainAsync(log, plan, cancellationToken);
        await drain.Replica.SaveAsync(ReplayDefinition.Live, cancellationToken);
        await drain.DisposeAsync();

        await host.SendAsync(new RemoveStandby(plan.VM, PairDomains.Of(plan.VM, number)), cancellationToken);
        var recording = Guid.NewGuid().ToString("N");
        ReplayImage.GoOnByItsClock(_files.Replica(attempt));
        File.Move(_files.Replica(attempt), _files.Image(recording));
        var gate = new ConsoleGate(plan.ConsoleSocketOf(number), log, position, plan.MaxHeldBytes);
        try
        {
            var live = DomainDefinition.Parse(await File.ReadAllTextAsync(_files.Domain(attempt), cancellationToken));
            var definition = ReplayDefinition.GoneLive(
                live, plan, ReplayDefinition.ServingOf(live, plan), number, attempt, _files.Record(recording), _files.Image(recording));
            await host.SendAsync(new StartStandby(plan.VM, PairDomains.Of(plan.VM, number), definition.ToString()), cancellationToken);
            return gate;
        }
        catch
        {
            gate.Dispose();
            throw;
        }
    }

    public async Task DropAsync(CheckpointMark? but, CancellationToken cancellationToken)
    {
        if (but is null)
        {
            await LeaveAsync();
        }
        else if (_course is { } course && AttemptOf(but) == course.Attempt)
        {
            await course.PerformedAsync(but.Number);
            _files.DropRecordings(course.Recording);
        }

        _files.DropReplicas(but is null ? null : AttemptOf(but));
        foreach (var left in _left.Where(left => but is null || PairDomains.Of(plan.VM, but.Standby) != left.Id).ToList())
        {
            _left.Remove(left);
            if (_course is null || _course.Replica.Domain != left.Id)
            {
                await RemoveAsync(left.Host, left.Id, cancellationToken);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_course is { } course)
        {
            _course = null;
            await course.DisposeAsync(); // the replica itself stays
        }
    }

    /// <summary>Starts a replica, and lets it come to where the VM is.</summary>
    private async Task<ReplayCourse> BeginAsync(CheckpointJob job, Guid domain, CancellationToken cancellationToken)
    {
        var backup = job.Backup ?? throw StandbyStart.NoBackup();
        var live = DomainDefinition.Parse(await job.Primary.SendAsync(new ReadXml(domain), cancellationToken));
        if (ReplayDefinition.RecordOf(live) is not { } record || !File.Exists(record))
        {
            throw new HypervisorException(
                "The VM is not recorded, and QEMU cannot begin in its middle.", FaultDomain.VM, error: HypervisorError.InvalidState,
                recommendedAction: "Stop the VM (Stop-KumoiVM) and its pair, and begin the pair anew: it starts the VM, recorded.");
        }

        var recording = Path.GetFileNameWithoutExtension(record)[33..];
        var number = Enumerable.Range(0, PairDomains.Standbys).First(free => free != job.Standby && free != job.Committed?.Standby);
        var attempt = Guid.NewGuid().ToString("N");
        var primary = new QemuReplay(job.Primary, domain, time);
        _counted = 0;
        await job.Backup.SendAsync(new RemoveStandby(plan.VM, PairDomains.Of(plan.VM, number)), cancellationToken);
        await File.WriteAllTextAsync(_files.Domain(attempt), live.ToString(), cancellationToken);
        var isFromBoot = ReplayDefinition.IsFromBoot(live);
        if (isFromBoot)
        {
            ReplayImage.Create(_files.Start(attempt));
        }
        else
        {
            ReplayImage.CopyForReplica(_files.Image(recording), _files.Start(attempt));
        }

        var stream = new LogStream(record, _files.Log(attempt), time);
        ReplicaConsole? echo = null;
        try
        {
            // A replica that finds the log's end ends, and one that waits replays all that is not the guest's own: the log must have what
            // the guest has done.
            var standing = await primary.CountAsync(cancellationToken);
            await UntilAsync(primary, count => count > standing, cancellationToken);
            var all = stream.Recorded + LogStream.Lot;
            await UntilAsync(primary, _ => stream.Sent >= all, cancellationToken);
            (var replica, echo) = await StartReplicaAsync(
                plan, _files, live, backup, job.Standby, number, attempt, time, _left, cancellationToken);

            var (count, position) = await FindQuietAsync(primary, job.Console, cancellationToken);
            var needed = stream.Recorded + LogStream.Lot;
            await UntilAsync(primary, _ => stream.Sent >= needed, cancellationToken);
            await replica.GoToAsync(count, cancellationToken);
            echo.BeginAt(position);

            var begun = new ReplayPoint(job.Number - 1, count, position, "");
            var messages = ReplayLog.Create(_files.Messages(attempt));
            messages.Write(new ReplayEntry { Begun = begun });
            var course = new ReplayCourse(plan, begun, time)
            {
                Primary = primary,
                Replica = replica,
                Number = number,
                Attempt = attempt,
                Recording = recording,
                Console = job.Console,
                Echo = echo,
                Stream = stream,
                Log = messages,
            };
            course.Follow();
            return course;
        }
        catch
        {
            echo?.Dispose();
            await stream.DisposeAsync();
            throw;
        }
    }

    internal static async Task<(QemuReplay Replica, ReplicaConsole Echo)> StartReplicaAsync(
        PairPlan plan, ReplayFiles files, System.Xml.Linq.XElement live, IHypervisorLink host, int? serving, int number, string attempt,
        TimeProvider time, List<(IHypervisorLink Host, Guid Id)> left, CancellationToken cancellationToken)
    {
        File.Copy(files.Start(attempt), files.Replica(attempt), overwrite: true);
        var id = PairDomains.Of(plan.VM, number);
        var echo = new ReplicaConsole(plan.ConsoleSocketOf(number));
        try
        {
            var definition = ReplayDefinition.Replica(
                live, plan, serving, number, attempt, files.Log(attempt), files.Replica(attempt), ReplayDefinition.IsFromBoot(live));
            await host.SendAsync(new StartStandby(plan.VM, id, definition.ToString()), cancellationToken);
            left.Add((host, id));
            await echo.Connected.WaitAsync(plan.CheckpointPatience, time, cancellationToken);
            return (new QemuReplay(host, id, time), echo);
        }
        catch (TimeoutException e)
        {
            echo.Dispose();
            throw new HypervisorException(
                $"The console of the replica on {host.HostName} was not connected.", FaultDomain.VM, isTransient: true,
                error: HypervisorError.TimedOut, innerException: e, recommendedAction: "See QEMU's log of the replica on its host.");
        }
        catch
        {
            echo.Dispose();
            throw;
        }
    }

    /// <summary>
    /// An instruction, and exactly how much the VM had put out by then: a replica puts out again all that it replays, also what nobody has
    /// taken. The VM is not stopped for it.
    /// </summary>
    private async Task<(long Count, long Position)> FindQuietAsync(
        QemuReplay primary, ConsoleGate console, CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        while (true)
        {
            var before = console.Drain();
            var count = await primary.CountAsync(cancellationToken);
            if (console.Drain() == before)
            {
                return (count, before);
            }

            if (time.GetElapsedTime(since) > plan.CheckpointPatience)
            {
                throw new HypervisorException(
                    "The VM puts out without any pause, so that a replica cannot be brought to where it is.", FaultDomain.VM,
                    error: HypervisorError.InvalidState, recommendedAction: "Protect it when it is quieter, or take -Mode Checkpoint.");
            }
        }
    }

    /// <summary>Asks the primary again and again, which makes its log grow, too: what it has done is in the log the sooner.</summary>
    private async Task UntilAsync(QemuReplay primary, Func<long, bool> isSo, CancellationToken cancellationToken)
    {
        var since = time.GetTimestamp();
        while (!isSo(await primary.CountAsync(cancellationToken)))
        {
            if (time.GetElapsedTime(since) > plan.CheckpointPatience)
            {
                throw new HypervisorException(
                    FormattableString.Invariant($"The log has not gone on for {plan.CheckpointPatience.TotalSeconds:0.#} s."), FaultDomain.VM,
                    isTransient: true, error: HypervisorError.TimedOut, recommendedAction: "See that the VM runs.");
            }

            await Task.Delay(BetweenLooks, time, cancellationToken);
        }
    }

    private async Task LeaveAsync()
    {
        if (_course is { } course)
        {
            _course = null;
            await course.DisposeAsync();
        }
    }

    private async Task RemoveAsync(IHypervisorLink host, Guid id, CancellationToken cancellationToken)
    {
        try
        {
            await host.SendAsync(new RemoveStandby(plan.VM, id), cancellationToken);
        }
        catch (HypervisorException)
        {
            // It is removed before another one is made there, and when its host is fenced; nobody lets it go on.
        }
    }

    private static string AttemptOf(CheckpointMark checkpoint) => checkpoint.Attempt.Split('-')[0];
}
