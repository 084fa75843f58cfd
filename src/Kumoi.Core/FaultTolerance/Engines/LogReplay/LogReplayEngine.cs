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
    private readonly ReplayFiles _files = new(plan);
    private readonly ReplayKeep _keep = new(plan);
    private readonly ReplayStart _start = new(plan, new ReplayFiles(plan), log, time);
    private readonly List<(IHypervisorLink Host, Guid Id)> _left = [];
    private ReplayCourse? _course;
    private ReplayBrake? _brake;
    private Task _removing = Task.CompletedTask;
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
        using var limit = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time); // of the successor
        try
        {
            var domain = PairDomains.Of(plan.VM, job.Standby);
            if (_isBroken && _course is not null
                && await job.Primary.SendAsync(new ReadWhereabouts(domain), cancellationToken) is var place
                && place is not VMWhereabouts.Running && !(place is VMWhereabouts.Paused && _brake?.IsOn is true))
            {
                // The replica that has followed goes on with it, if the VM is lost.
                throw new HypervisorException(
                    $"The VM does not run on {job.Primary.HostName}.", FaultDomain.VM, isTransient: true,
                    error: HypervisorError.InvalidState, recommendedAction: "See that it runs: Get-KumoiVM.");
            }

            if (_course is { } old
                && (_isBroken || old.Replica.Host != job.Backup || old.Primary.Host != job.Primary || old.Primary.Domain != domain))
            {
                await LeaveAsync();
            }

            _isBroken = false;
            var brake = await BrakeAsync(job, domain, cancellationToken);
            var course = _course ??= await BeginAsync(job, brake, cancellationToken);
            limit.CancelAfter(plan.CheckpointPatience);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
            await EnsureSuccessorAsync(course, either.Token);
            var point = await course.OfferAsync(job.Number, cancellationToken); // which has a limit of its own
            var bytes = course.Stream.Sent - _counted;
            _counted += bytes;
            var mark = new CheckpointMark(job.Number, point.Position)
            {
                Attempt = FormattableString.Invariant($"{course.Attempt}-{job.Number}"),
                Standby = course.Successor.Number,
            };
            return new MadeCheckpoint(mark, brake.TakeStood(), bytes);
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

        await ForgetBrakeAsync(); // whoever is stopped by it is fenced
        new HeldOutput(plan.VM, plan.Folder).Release(checkpoint, log); // what came before the replica did is not in its console
        var (drain, successor) = _course is { } course
            ? (await ReplayDrain.OfAsync(course), course.Successor)
            : await BeginAgainAsync(host, number, attempt, cancellationToken);
        _course = null;
        try
        {
            var position = await drain.DrainAsync(log, plan, cancellationToken);
            await drain.Replica.SaveAsync(ReplayDefinition.Live, cancellationToken);
            var gate = await successor.LoadAsync(_files.Replica(attempt), position, cancellationToken);
            await (plan.AtReplayStep?.Invoke(ReplayStep.Loaded) ?? Task.CompletedTask);
            _left.RemoveAll(left => left.Id == successor.Domain);
            _removing = RemoveAsync(host, drain.Replica.Domain, CancellationToken.None); // it stands still: that has time
            return gate;
        }
        catch
        {
            successor.Dispose();
            throw;
        }
        finally
        {
            await drain.DisposeAsync();
        }
    }

    /// <summary>By the log, after the death of the process that had the replica, or of the replica itself.</summary>
    private async Task<(ReplayDrain Drain, ReplaySuccessor Successor)> BeginAgainAsync(
        IHypervisorLink host, int number, string attempt, CancellationToken cancellationToken)
    {
        var live = DomainDefinition.Parse(await File.ReadAllTextAsync(_files.Domain(attempt), cancellationToken));
        var numbers = Enumerable.Range(0, PairDomains.Standbys).ToList();
        foreach (var old in numbers)
        {
            await host.SendAsync(new RemoveStandby(plan.VM, PairDomains.Of(plan.VM, old)), cancellationToken);
        }

        var successor = await ReplaySuccessor.StartAsync(plan, _files, log, live, host, number, attempt, time, cancellationToken);
        try
        {
            var replica = numbers.First(free => free != number && free != ReplayDefinition.ServingOf(live, plan));
            _left.Add((host, PairDomains.Of(plan.VM, replica)));
            return (await ReplayDrain.AgainAsync(plan, _files, live, host, replica, attempt, time, cancellationToken), successor);
        }
        catch
        {
            successor.Dispose();
            throw;
        }
    }

    public async Task DropAsync(CheckpointMark? but, CancellationToken cancellationToken)
    {
        if (but is null)
        {
            var ended = _course;
            await LeaveAsync();
            _keep.Keep(but: null);
            if (ended is not null)
            {
                _files.DropRecording(ended.Successor.Recording);
            }
        }
        else if (_course is { } course && AttemptOf(but) == course.Attempt)
        {
            await course.PerformedAsync(but.Number);
            _keep.Keep(course.Attempt);
            _files.DropRecordings(course.Recording, course.Successor.Recording);
        }

        _files.DropReplicas(but is null ? null : AttemptOf(but));
        foreach (var left in _left.Where(left => but is null || PairDomains.Of(plan.VM, but.Standby) != left.Id).ToList())
        {
            _left.Remove(left);
            if (_course is not { } current || (current.Replica.Domain != left.Id && current.Successor.Domain != left.Id))
            {
                await RemoveAsync(left.Host, left.Id, cancellationToken);
            }
        }
    }

    public async Task<bool> LetGoAsync(
        IHypervisorLink primary, Guid domain, Func<string, IHypervisorLink> hosts, CancellationToken cancellationToken)
    {
        if (_brake is { } brake)
        {
            if (!await brake.ReleaseAsync(cancellationToken))
            {
                return false;
            }

            _brake = null;
        }

        return true;
    }

    public async ValueTask DisposeAsync()
    {
        await LeaveAsync(); // the standbys themselves stay
        if (_brake is { } brake)
        {
            _brake = null;
            await brake.ReleaseAsync(CancellationToken.None);
        }
    }

    private async Task<ReplayCourse> BeginAsync(CheckpointJob job, ReplayBrake brake, CancellationToken cancellationToken)
    {
        await _removing; // its console would find that of the next one
        _counted = 0;
        brake.AllowSome();
        ReplayCourse? course = null;
        try
        {
            course = await _start.BeginAsync(job, brake, (host, standby) => _left.Add((host, standby)), cancellationToken);
            return course;
        }
        finally
        {
            brake.Lag = course is null ? null : () => course.Lag;
            brake.SetLimits();
        }
    }

    /// <summary>Of the VM where it is now.</summary>
    private async Task<ReplayBrake> BrakeAsync(CheckpointJob job, Guid domain, CancellationToken cancellationToken)
    {
        if (_brake is { } old && (old.Primary.Host != job.Primary || old.Primary.Domain != domain || old.Console != job.Console))
        {
            await old.ReleaseAsync(cancellationToken);
            _brake = null;
        }

        return _brake ??= new ReplayBrake(new QemuReplay(job.Primary, domain, time), job.Console, plan, time);
    }

    private async Task ForgetBrakeAsync()
    {
        if (_brake is { } brake)
        {
            _brake = null;
            await brake.DisposeAsync();
        }
    }

    /// <summary>One that has ended, as by an admin, is started again, as the same standby.</summary>
    private async Task EnsureSuccessorAsync(ReplayCourse course, CancellationToken cancellationToken)
    {
        if (course.Successor is { Console.ProcessEnded.IsCompleted: true } old)
        {
            old.Dispose();
            _files.DropRecording(old.Recording);
            course.Successor = await ReplaySuccessor.StartAsync(
                plan, _files, log, course.Live, course.Replica.Host, old.Number, course.Attempt, time, cancellationToken);
        }
    }

    private async Task LeaveAsync()
    {
        if (_course is { } course)
        {
            _course = null;
            _brake?.Lag = null;
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
