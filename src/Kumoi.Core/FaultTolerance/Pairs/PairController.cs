using Kumoi.FaultTolerance.Detection;
using Kumoi.FaultTolerance.Engines;
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
    private readonly PairOutput _output;
    private readonly ICheckpointEngine _engine;
    private readonly PairHosts _hosts;
    private readonly PairHearing _hearing;
    private readonly PairAlone _alone;
    private int _made; // the number of the last checkpoint that this controller made
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
        _output = new PairOutput(plan);
        _file = new PairFile(plan.RecordFile);
        _engine = CheckpointEngines.Create(plan, _output.Log, time);
        _hosts = new PairHosts(fleet, plan, time);
        _hearing = new PairHearing(plan.VM, _hosts.Hearing, _hosts.FoundSilent, time);
        _alone = new PairAlone(plan, _hosts, _output, _engine, time);
        Modes = new PairModes(plan, _engine, time);
    }

    /// <summary>The record as it is written down.</summary>
    public PairRecord? Record { get; private set; }

    /// <summary>How the backup follows from one checkpoint to the next, and how long it waits in between.</summary>
    public PairModes Modes { get; }

    /// <summary>What admins want of it.</summary>
    public PairRequests Requests { get; } = new();

    /// <summary>What was found, and what was written down because of it.</summary>
    public event Action<PairEvent, PairRecord>? Changed;

    /// <summary>Makes the gate to which the VM's console connects. Before the VM is started on its first host.</summary>
    public void OpenGate() => _output.MakeGate(standby: null);

    /// <summary>Protects the VM until it is stopped, or until the pair is over.</summary>
    /// <param name="primary">Where the VM runs, for a new pair; null: the pair is there, and is gone on with.</param>
    /// <param name="cancellationToken">Leaves everything as it is, as the death of this process does.</param>
    /// <exception cref="HypervisorException">It cannot be protected, and nothing was begun.</exception>
    /// <exception cref="IOException">The pair's files cannot be read or written.</exception>
    public async Task<PairRecord> RunAsync(string? primary, CancellationToken cancellationToken)
    {
        if (primary is not null)
        {
            // What another pair has left there is of another time, but for what the VM is since.
            var standby = await _hosts.FindStandbyAsync(_file.Read(), primary, cancellationToken);
            await PairPreflight.RefuseAsync(_hosts.Link(primary), _plan, standby, cancellationToken);
            var backup = await _hosts.ChooseFirstAsync(primary, cancellationToken);
            _output.EnsureGate(standby); // its console finds the gate, whenever it connects
            var domain = PairDomains.Of(_plan.VM, standby);
            await _hosts.StartIfOffAsync(_engine, primary, domain, _output.Console, cancellationToken);
            await PairProbe.RefuseAsync(_hosts.Link(primary), _plan, domain, cancellationToken);
            Write(new PairRecord(PairPhase.Starting, primary, backup, null) { Standby = standby });
        }
        else
        {
            Record = _file.Read() ?? throw new FileNotFoundException($"The folder of the pair has no record of it: {_plan.RecordFile}");
            if (!Record.IsOver && await _hosts.FindLossAsync(Record.Primary, Domain, cancellationToken) is { } loss)
            {
                Apply(loss);
            }
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
        _output.Dispose();
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
        PairAction.RunAlone alone => await _alone.RunAsync(alone.Primary, Domain, Requests.Stopping, cancellationToken),
        PairAction.End over => await EndAsync(over, cancellationToken),
        _ => throw new InvalidOperationException($"There is no way to do {action}."),
    };

    private async Task<PairEvent> EndAsync(PairAction.End over, CancellationToken cancellationToken)
    {
        if (await _alone.EndAsync(Record!.Primary, Domain, over.Backup, cancellationToken) is { } reason)
        {
            Write(Record with { Reason = reason });
        }

        return new PairEvent.StopRequested();
    }

    private async Task<PairEvent> MakeAsync(PairAction.MakeCheckpoint make, CancellationToken cancellationToken)
    {
        _output.Hold(Record!.Standby, isFromCut: make.Committed is null);
        if (make.Committed is { } committed)
        {
            _output.Console.Release(committed.Cut); // which has it, or the takeover has let it out
            if (Requests.WantsSwitch && _due == committed.Number)
            {
                return new PairEvent.SwitchRequested();
            }
        }

        var backup = make.Backup is null ? null : _hosts.Link(make.Backup);
        var primary = _hosts.Link(make.Primary);
        var hearing = _hearing.Hear(primary, Record.Standby, _output.ProcessEnded, backup, cancellationToken);
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

                if (!_output.IsWhole && make.Committed is not null)
                {
                    return new PairEvent.OutputLost("the VM's console was connected anew");
                }

                try
                {
                    var making = MakeAsync(make, primary, backup, isFirstTry: failures == 0, end.Token);
                    if (await Task.WhenAny(making, hearing) == hearing)
                    {
                        _ = making.ContinueWith(static made => made.Exception, TaskScheduler.Default);
                        return await hearing;
                    }

                    if (await making is { } made)
                    {
                        return made;
                    }
                }
                catch (HypervisorException e)
                {
                    reason = e.Message;
                    await Task.WhenAny(hearing, DelayAsync(Pause, cancellationToken)); // whoever does not answer is found out by then
                    if (hearing.IsCompleted || _engine.Found is not null)
                    {
                        return hearing.IsCompleted ? await hearing : _engine.Found!;
                    }

                    Apply(new PairEvent.CheckpointFailed(reason));
                }
            }

            return new PairEvent.CheckpointsFail(reason);
        }
        finally
        {
            await end.CancelAsync();
        }
    }

    /// <summary>Lets out what the last checkpoint covers, and makes the next one after the period.</summary>
    private async Task<PairEvent.CheckpointMade?> MakeAsync(
        PairAction.MakeCheckpoint make, IHypervisorLink primary, IHypervisorLink? backup, bool isFirstTry,
        CancellationToken cancellationToken)
    {
        var standby = Record!.Standby;
        var network = await _output.NetworkAsync(primary, Domain, isHeld: make.Committed is not null, cancellationToken);
        if (make.Committed is { } committed && isFirstTry)
        {
            if (committed.Number == _made)
            {
                // Else it holds what a dead controller may have moved there for a checkpoint that does not count.
                await network.ReleaseAsync(cancellationToken);
            }

            _output.Drop(committed);
            await _engine.DropAsync(committed, cancellationToken);
            await Requests.DrillAsync(() => PairDrill.RunAsync(_engine, committed, backup, cancellationToken));
            if (Requests.WantsSwitch)
            {
                _due = make.Number; // it is made at once, and then it is time
            }
            else
            {
                using var either = CancellationTokenSource.CreateLinkedTokenSource(Requests.Stopping, cancellationToken);
                await Modes.UntilDueAsync(period => DelayAsync(period, cancellationToken), () => Requests.IsAny, either.Token);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        Modes.Begin();
        var job = new CheckpointJob(
            make.Number, make.Committed, primary, standby, backup, _output.Console, network);
        var begun = _time.GetTimestamp();
        if (await _engine.MakeAsync(job, cancellationToken) is not { } made)
        {
            return null;
        }

        await _output.WriteAsync(made.Mark, cancellationToken);
        _made = made.Mark.Number;
        return Modes.Add(made.Mark, new CheckpointMeasure(made.Pause, _time.GetElapsedTime(begun), made.Bytes));
    }

    /// <summary>The last copy of the VM must not be ended for one that is not there.</summary>
    private async Task<PairEvent> FencePrimaryAsync(PairAction.Fence fence, CancellationToken cancellationToken)
    {
        if (fence is { Keeper: { } keeper, Checkpoint: { } checkpoint }
            && await _hosts.LackAsync(keeper, _engine, checkpoint, cancellationToken) is { } lack)
        {
            if (lack is PairEvent.CheckpointGone
                || await _hosts.PlaceAsync(fence.Host, Domain, cancellationToken) is VMWhereabouts.Running or VMWhereabouts.Paused)
            {
                return lack;
            }

            await DelayAsync(Pause, cancellationToken);
            return new PairEvent.NotFenced($"{keeper} does not answer, and {fence.Host} may run the VM");
        }

        return _hearing.HasJustEnded(fence.Host, Domain) ? new PairEvent.Fenced() : await FenceAsync(fence.Host, cancellationToken);
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
        var hearing = _hearing.Hear(
            _hosts.Link(revoke.Primary), Record!.Standby, _output.ProcessEnded, backup: null, cancellationToken);
        return Requests.Stopping.IsCancellationRequested ? new PairEvent.StopRequested()
            : hearing.IsCompleted ? await hearing : await FenceAsync(revoke.Host, cancellationToken);
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
            if (!take.Checkpoint.SurvivesBackup)
            {
                if (await _hosts.LackAsync(name, _engine, take.Checkpoint, cancellationToken) is { } lack)
                {
                    return lack is PairEvent.BackupLost lost ? await WaitAsync(lost.Reason) : lack;
                }
            }
            else if (await _hosts.FenceAsync(name, cancellationToken) is { } reason)
            {
                return await WaitAsync(reason); // what a dead controller has left there has put out what nobody has
            }

            await _output.TakeOverAsync(() => _engine.BringAsync(link, take.Checkpoint, cancellationToken));
            if (take.Checkpoint.SurvivesBackup)
            {
                // Where it does not, what goes out from here on contradicts nothing that is left.
                await _output.NetworkAsync(link, _plan.VM, isHeld: true, cancellationToken);
            }

            _output.Release(take.Checkpoint);
            _hosts.PassOverNone();
            return new PairEvent.Restored(name);
        }
        catch (HypervisorException e)
        {
            // Another host may try only when this one is known to have nothing; and only if that has the checkpoint.
            if (!take.Checkpoint.SurvivesBackup || await _hosts.FenceAsync(name, cancellationToken) is not null)
            {
                return await WaitAsync(e.Message);
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
        try
        {
            _output.EnsureGate(Record!.Standby);
            if (await _hosts.PlaceAsync(name, Domain, cancellationToken) is var place && place.IsNotRunning())
            {
                return new PairEvent.PrimaryDied($"the VM has died on {name}");
            }

            if (place is not VMWhereabouts.Running)
            {
                await StandbyStart.ConnectedAsync(_plan, _hosts.Link(name), Domain, _output.Console, _time, cancellationToken);
                await _hosts.Link(name).SendAsync(new ResumeVM(Domain), cancellationToken);
            }

            return new PairEvent.TookOver(name);
        }
        catch (HypervisorException e)
        {
            await DelayAsync(Pause, cancellationToken);
            return new PairEvent.PrimaryLost(e.Message);
        }
    }

    /// <summary>What the VM is on its primary.</summary>
    private Guid Domain => PairDomains.Of(_plan.VM, Record!.Standby);

    private async Task DelayAsync(TimeSpan delay, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(Requests.Stopping, cancellationToken);
        await Task.Delay(delay, _time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
    }
}
