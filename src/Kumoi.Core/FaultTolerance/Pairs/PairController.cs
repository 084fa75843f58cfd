using Kumoi.FaultTolerance.Detection;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>
/// Runs one pair: does what <see cref="PairRules"/> says follows from the record, and writes down what they say follows from what it found.
/// Another one can go on with the pair whenever this one dies.
/// </summary>
internal sealed class PairController : IAsyncDisposable
{
    /// <summary>How many checkpoints may fail in a row while the primary runs.</summary>
    private const int MaxFailures = 20;

    /// <summary>What was tried in vain is tried again after this time.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    private readonly PairPlan _plan;
    private readonly TimeProvider _time;
    private readonly PairFile _file;
    private readonly ConsoleLog _log;
    private readonly HeldOutput _held;
    private readonly ICheckpointEngine _engine;
    private readonly PairHosts _hosts;
    private readonly PairHearing _hearing;
    private ConsoleGate? _gate;
    private int _due; // the number of the checkpoint from which a planned switch goes on

    /// <summary>Takes the pair: there is one controller at a time.</summary>
    /// <param name="fleet">Has the hosts of the plan.</param>
    /// <param name="plan">What is protected, and how.</param>
    /// <param name="time">The clock of all waits.</param>
    /// <exception cref="IOException">Another controller has the pair.</exception>
    public PairController(Fleet fleet, PairPlan plan, TimeProvider time)
    {
        _plan = plan;
        _time = time;
        _log = new ConsoleLog(plan.ConsoleLog);
        _file = new PairFile(plan.RecordFile);
        _held = new HeldOutput(plan.VM, plan.Folder);
        _engine = CheckpointEngines.Create(plan, _log, time);
        _hosts = new PairHosts(fleet, plan, time);
        _hearing = new PairHearing(plan.VM, _hosts.Hearing);
        Period = new AdaptivePeriod(plan.Goals);
    }

    /// <summary>The record as it is written down.</summary>
    public PairRecord? Record { get; private set; }

    /// <summary>How long it waits from one checkpoint to the next.</summary>
    public AdaptivePeriod Period { get; }

    /// <summary>What admins want of it.</summary>
    public PairRequests Requests { get; } = new();

    /// <summary>What was found, and what was written down because of it.</summary>
    public event Action<PairEvent, PairRecord>? Changed;

    /// <summary>Makes the gate to which the VM's console connects. Before the VM is started on its first host.</summary>
    public void OpenGate()
    {
        _gate?.Dispose();
        _gate = MakeGate(standby: null);
    }

    /// <summary>Protects the VM until it is stopped, or until the pair is over.</summary>
    /// <param name="primary">Where the VM runs, if there is no record yet.</param>
    /// <param name="cancellationToken">Leaves everything as it is, as the death of this process does.</param>
    /// <exception cref="HypervisorException">It cannot be protected, and nothing was begun.</exception>
    public async Task<PairRecord> RunAsync(string primary, CancellationToken cancellationToken)
    {
        var found = _file.Read();
        if (found is null or { IsOver: true })
        {
            await PairPreflight.RefuseAsync(_hosts.Link(primary), _plan, cancellationToken);
            var backup = await _hosts.ChooseAsync(primary, cancellationToken) ?? throw new HypervisorException(
                $"None of the hosts can be the backup of {primary}: {string.Join(", ", _plan.Hosts.Where(host => host != primary))}.",
                FaultDomain.Host,
                error: HypervisorError.ResourceUnavailable,
                recommendedAction: "Give other hosts, which answer and do not run the VM: Get-KumoiHost shows those that do.");
            Write(new PairRecord(PairPhase.Starting, primary, backup, null));
        }
        else
        {
            Record = found;
            Apply(new PairEvent.OutputLost("the controller that held the output has died"));
        }

        while (PairRules.Next(Record!) is { } action)
        {
            var happened = await DoAsync(action, cancellationToken);
            if (Record!.Phase is PairPhase.Stopped)
            {
                break;
            }

            Apply(happened);
        }

        return Record!;
    }

    public async ValueTask DisposeAsync()
    {
        _hearing.Dispose();
        await _engine.DisposeAsync();
        _gate?.Dispose();
        _log.Dispose();
        Requests.Dispose();
    }

    private void Apply(PairEvent happened)
    {
        var next = PairRules.Apply(Record!, happened);
        if (next != Record)
        {
            Write(next);
        }

        Changed?.Invoke(happened, next);
    }

    private void Write(PairRecord record)
    {
        _file.Write(record);
        Record = record;
    }

    private async Task<PairEvent> DoAsync(PairAction action, CancellationToken cancellationToken) => action switch
    {
        PairAction.MakeCheckpoint make => await MakeAsync(make, cancellationToken),
        PairAction.Fence fence => await FencePrimaryAsync(fence, cancellationToken),
        PairAction.TakeOver take => await TakeOverAsync(take, cancellationToken),
        PairAction.Resume resume => await ResumeAsync(resume.Host, cancellationToken),
        PairAction.Revoke revoke => await RevokeAsync(revoke, cancellationToken),
        PairAction.ChooseBackup choose => await _hosts.ChooseAsync(choose.Primary, cancellationToken) is { } host
            ? new PairEvent.BackupChosen(host)
            : new PairEvent.NoBackup("none of the hosts answers and can take the VM"),
        PairAction.RunAlone alone => await RunAloneAsync(alone.Primary, cancellationToken),
        PairAction.End over => await EndAsync(over.Backup, cancellationToken),
        _ => throw new InvalidOperationException($"There is no way to do {action}."),
    };

    private async Task<PairEvent> MakeAsync(PairAction.MakeCheckpoint make, CancellationToken cancellationToken)
    {
        _gate ??= MakeGate(Record!.Standby);
        _gate.Open(false);
        if (make.Committed is { } committed)
        {
            _gate.Release(committed.Cut); // which has it, or the takeover has let it out
            _held.Drop(committed);
            await _engine.DropAsync(committed, cancellationToken);
            await DrillAsync(committed, make.Backup, cancellationToken);
            if (!Requests.WantsSwitch)
            {
                await DelayAsync(Period.Period, cancellationToken);
            }
            else if (_due == committed.Number)
            {
                return new PairEvent.SwitchRequested();
            }
            else
            {
                _due = make.Number; // it is made at once, and then it is time
            }
        }

        var backup = make.Backup is null ? null : _hosts.Link(make.Backup);
        var job = new CheckpointJob(make.Number, _hosts.Link(make.Primary), Record!.Standby, backup, _gate);
        var hearing = _hearing.Hear(job.Primary, job.Standby, backup, cancellationToken);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reason = "no checkpoint had an exact cut";
        try
        {
            for (var failures = 0; failures < MaxFailures; failures++)
            {
                if (Requests.Stopping.IsCancellationRequested)
                {
                    return new PairEvent.StopRequested();
                }

                if (!_gate.IsWhole && make.Committed is not null)
                {
                    return new PairEvent.OutputLost("the VM's console was connected anew");
                }

                try
                {
                    var begun = _time.GetTimestamp();
                    var making = _engine.MakeAsync(job, end.Token);
                    if (await Task.WhenAny(making, hearing) == hearing)
                    {
                        _ = making.ContinueWith(static made => made.Exception, TaskScheduler.Default);
                        return await hearing;
                    }

                    if (await making is { } mark)
                    {
                        await _held.WriteAsync(mark, _gate, cancellationToken);
                        var measure = new CheckpointMeasure(job.Pause, _time.GetElapsedTime(begun), job.Bytes);
                        Period.Add(measure);
                        return new PairEvent.CheckpointMade(mark) { Measure = measure };
                    }
                }
                catch (HypervisorException e)
                {
                    reason = e.Message;
                    await Task.WhenAny(hearing, DelayAsync(Pause, cancellationToken)); // whoever does not answer is found out by then
                    if (hearing.IsCompleted)
                    {
                        return await hearing;
                    }
                }
            }

            return new PairEvent.CheckpointsFail(reason);
        }
        finally
        {
            await end.CancelAsync();
        }
    }

    private async Task<PairEvent> FencePrimaryAsync(PairAction.Fence fence, CancellationToken cancellationToken)
    {
        if (fence.Keeper is { } keeper)
        {
            // The last copy of the VM must not be ended for one that is not there.
            try
            {
                if (!await _hosts.HasAsync(keeper, _engine, fence.Checkpoint!, cancellationToken))
                {
                    return new PairEvent.CheckpointGone($"{keeper} does not have the checkpoint any more");
                }
            }
            catch (HypervisorException e)
            {
                var domain = PairDomains.Of(_plan.VM, Record!.Standby);
                if (await _hosts.PlaceAsync(fence.Host, domain, cancellationToken) is VMWhereabouts.Running)
                {
                    return new PairEvent.BackupLost(e.Message);
                }

                await DelayAsync(Pause, cancellationToken);
                return new PairEvent.NotFenced(e.Message);
            }
        }

        return await FenceAsync(fence.Host, cancellationToken);
    }

    private async Task<PairEvent> FenceAsync(string host, CancellationToken cancellationToken)
    {
        if (await _hosts.FenceAsync(host, cancellationToken) is not { } reason)
        {
            return new PairEvent.Fenced();
        }

        await DelayAsync(Pause, cancellationToken);
        return new PairEvent.NotFenced(reason);
    }

    /// <summary>The primary is heard meanwhile: if it dies, the backup may take over after all.</summary>
    private async Task<PairEvent> RevokeAsync(PairAction.Revoke revoke, CancellationToken cancellationToken)
    {
        if (Requests.Stopping.IsCancellationRequested)
        {
            return new PairEvent.StopRequested();
        }

        var hearing = _hearing.Hear(_hosts.Link(revoke.Primary), Record!.Standby, backup: null, cancellationToken);
        return hearing.IsCompleted ? await hearing : await FenceAsync(revoke.Host, cancellationToken);
    }

    private async Task<PairEvent> TakeOverAsync(PairAction.TakeOver take, CancellationToken cancellationToken)
    {
        if (take.Host is not { } name)
        {
            return await _hosts.ChooseAsync(except: null, cancellationToken) is { } chosen
                ? new PairEvent.BackupChosen(chosen)
                : await WaitAsync();
        }

        try
        {
            var link = _hosts.Link(name);
            if (!await _hosts.HasAsync(name, _engine, take.Checkpoint, cancellationToken))
            {
                return new PairEvent.CheckpointGone($"{name} does not have the checkpoint any more");
            }

            // What a dead controller has left there has put out what nobody has.
            if (take.Checkpoint.SurvivesBackup && await _hosts.FenceAsync(name, cancellationToken) is { } reason)
            {
                return await WaitAsync(reason);
            }

            _gate?.Dispose();
            _gate = null;
            _gate = await _engine.BringAsync(link, take.Checkpoint, cancellationToken);
            _held.Release(take.Checkpoint, _log);
            _hosts.PassOverNone();
            return new PairEvent.Restored(name);
        }
        catch (HypervisorException e) when (!take.Checkpoint.SurvivesBackup)
        {
            return await WaitAsync(e.Message); // nobody else has it
        }
        catch (HypervisorException e)
        {
            // Another host may try only when this one is known to have nothing.
            if (await _hosts.FenceAsync(name, cancellationToken) is { } reason)
            {
                return await WaitAsync(reason);
            }

            _hosts.PassOver(name);
            return new PairEvent.CannotTakeOver(name, e.Message);
        }

        async Task<PairEvent> WaitAsync(string reason = "none of the hosts answers and can take the VM")
        {
            _hosts.PassOverNone();
            await DelayAsync(Pause, cancellationToken);
            return new PairEvent.NotFenced(reason); // changes nothing: it is tried again
        }
    }

    private async Task<PairEvent> ResumeAsync(string name, CancellationToken cancellationToken)
    {
        var domain = PairDomains.Of(_plan.VM, Record!.Standby);
        try
        {
            _gate ??= MakeGate(Record.Standby);
            var link = _hosts.Link(name);
            if (await _hosts.PlaceAsync(name, domain, cancellationToken) is var place && place.IsNotRunning())
            {
                return new PairEvent.PrimaryDied($"the VM has died on {name}");
            }

            if (place is not VMWhereabouts.Running)
            {
                await link.SendAsync(new ResumeVM(domain), cancellationToken);
            }

            Requests.Switched();
            return new PairEvent.TookOver(name);
        }
        catch (HypervisorException e)
        {
            await DelayAsync(Pause, cancellationToken);
            return new PairEvent.PrimaryLost(e.Message);
        }
    }

    private async Task<PairEvent> RunAloneAsync(string primary, CancellationToken cancellationToken)
    {
        await DropAllAsync(cancellationToken);
        var domain = PairDomains.Of(_plan.VM, Record!.Standby);
        while (true)
        {
            if (Requests.Stopping.IsCancellationRequested)
            {
                return new PairEvent.StopRequested();
            }

            var place = await _hosts.PlaceAsync(primary, domain, cancellationToken);
            if (place.IsNotRunning())
            {
                return new PairEvent.PrimaryDied($"the VM has died on {primary}");
            }

            // While it does not answer, the VM may run on.
            if (place is not VMWhereabouts.Unknown && await _hosts.ChooseAsync(primary, cancellationToken) is { } host)
            {
                return new PairEvent.BackupChosen(host);
            }

            await DelayAsync(Pause, cancellationToken);
        }
    }

    /// <summary>What the backup has in its memory is removed if it answers. Else it stays there, paused: nobody lets it go on.</summary>
    private async Task<PairEvent> EndAsync(string? backup, CancellationToken cancellationToken)
    {
        if (backup is not null)
        {
            await _hosts.RemoveStandbysAsync(backup, cancellationToken);
        }

        await DropAllAsync(cancellationToken);
        return new PairEvent.StopRequested();
    }

    /// <summary>No checkpoint counts any more: output goes out at once.</summary>
    private async Task DropAllAsync(CancellationToken cancellationToken)
    {
        await _engine.DropAsync(but: null, cancellationToken);
        _held.Drop(but: null);
        _gate?.Open(true);
    }

    /// <summary>Tries out what the backup would do, if somebody wants to know.</summary>
    private async Task DrillAsync(CheckpointMark committed, string? backup, CancellationToken cancellationToken)
    {
        while (Requests.NextDrill() is { } wanted)
        {
            try
            {
                var link = _hosts.Link(backup ?? throw new HypervisorException(
                    "The pair has no backup host now.", error: HypervisorError.InvalidState,
                    recommendedAction: "Try it again when Get-KumoiFtPair shows one."));
                wanted.TrySetResult(await _engine.DrillAsync(link, committed, cancellationToken));
            }
            catch (HypervisorException e)
            {
                wanted.TrySetException(e);
            }
        }
    }

    private ConsoleGate MakeGate(int? standby) => new(_plan.ConsoleSocketOf(standby), _log, _log.Length, _plan.MaxHeldBytes);

    private async Task DelayAsync(TimeSpan delay, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(Requests.Stopping, cancellationToken);
        await Task.Delay(delay, _time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
    }
}
