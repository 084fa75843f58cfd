using Kumoi.FaultTolerance.Detection;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Fencing;
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

    private readonly Fleet _fleet;
    private readonly PairPlan _plan;
    private readonly TimeProvider _time;
    private readonly PairFile _file;
    private readonly ConsoleLog _log;
    private readonly SnapshotCheckpoints _checkpoints;
    private readonly HostFence _fence;
    private readonly HostHearing _hosts;
    private readonly HashSet<string> _unable = new(StringComparer.Ordinal); // hosts that could not take over this time
    private ConsoleGate? _gate;
    private int _due; // the number of the checkpoint from which a planned switch goes on
    private Hearing? _hearing;

    /// <summary>Takes the pair: there is one controller at a time.</summary>
    /// <param name="fleet">Has the hosts of the plan.</param>
    /// <param name="plan">What is protected, and how.</param>
    /// <param name="time">The clock of all waits.</param>
    /// <exception cref="IOException">Another controller has the pair.</exception>
    public PairController(Fleet fleet, PairPlan plan, TimeProvider time)
    {
        _fleet = fleet;
        _plan = plan;
        _time = time;
        _log = new ConsoleLog(plan.ConsoleLog);
        _file = new PairFile(plan.RecordFile);
        _checkpoints = new SnapshotCheckpoints(plan.VM, plan.Folder, time);
        _fence = new HostFence(plan.FenceCommand, plan.FencePatience, time);
        _hosts = new HostHearing(plan.VM, plan.Silence, time);
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
        _gate = new ConsoleGate(_plan.ConsoleSocket, _log, _log.Length, _plan.MaxHeldBytes);
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
            await RefuseWhatIsNotCoveredAsync(LinkOf(primary), cancellationToken);
            var backup = await ChooseAsync(primary, cancellationToken) ?? throw new HypervisorException(
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

    private async Task RefuseWhatIsNotCoveredAsync(IHypervisorLink host, CancellationToken cancellationToken)
    {
        var vm = await host.SendAsync(new FindVM(_plan.VM), cancellationToken)
            ?? throw new HypervisorException(
                $"{host.HostName} does not have the VM.", FaultDomain.VM, error: HypervisorError.VMNotFound,
                recommendedAction: "Read it again with Get-KumoiVM: it may have been moved.");
        var domain = DomainDefinition.Parse(await host.SendAsync(new ReadXml(_plan.VM), cancellationToken));
        var obstacles = PairPreflight.Judge(domain, vm.IsAutostart, _plan.ConsoleSocket).ToList();
        if (obstacles.Count > 0)
        {
            throw new HypervisorException(
                $"'{vm.Name}' cannot be protected: {string.Join(' ', obstacles.Select(static obstacle => obstacle.Message))}",
                FaultDomain.VM,
                error: HypervisorError.InvalidState,
                recommendedAction: string.Join(' ', obstacles.Select(static obstacle => obstacle.RecommendedAction).Distinct()));
        }
    }

    public ValueTask DisposeAsync()
    {
        _hearing?.End.Cancel();
        _gate?.Dispose();
        _log.Dispose();
        Requests.Dispose();
        return ValueTask.CompletedTask;
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
        PairAction.Fence fence => await FenceAsync(fence.Host, cancellationToken),
        PairAction.TakeOver take => await TakeOverAsync(take, cancellationToken),
        PairAction.ChooseBackup choose => await ChooseAsync(choose.Primary, cancellationToken) is { } host
            ? new PairEvent.BackupChosen(host)
            : new PairEvent.NoBackup("none of the hosts answers and can take the VM"),
        PairAction.RunAlone alone => await RunAloneAsync(alone.Primary, cancellationToken),
        _ => End(),
    };

    private async Task<PairEvent> MakeAsync(PairAction.MakeCheckpoint make, CancellationToken cancellationToken)
    {
        _gate ??= new ConsoleGate(_plan.ConsoleSocket, _log, _log.Length, _plan.MaxHeldBytes);
        _gate.Open(false);
        if (make.Committed is { } committed)
        {
            _gate.Release(committed.Cut); // which has it, or the takeover has let it out
            _checkpoints.Drop(committed);
            await DrillAsync(committed, make.Backup, cancellationToken);
            if (Requests.WantsSwitch && _due != committed.Number)
            {
                _due = make.Number; // the next one is made at once, and then it is time
            }
            else if (Requests.WantsSwitch)
            {
                return new PairEvent.SwitchRequested();
            }
            else
            {
                await DelayAsync(Period.Period, cancellationToken);
            }
        }

        var link = LinkOf(make.Primary);
        var hearing = Hear(make.Primary, make.Backup, cancellationToken);
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
                    var making = _checkpoints.MakeAsync(link, _gate, make.Number, end.Token);
                    if (await Task.WhenAny(making, hearing) == hearing)
                    {
                        _ = making.ContinueWith(static made => made.Exception, TaskScheduler.Default);
                        return await hearing;
                    }

                    if (await making is { } made)
                    {
                        Period.Add(made.Measure);
                        return new PairEvent.CheckpointMade(made.Mark) { Measure = made.Measure };
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

    /// <summary>The hearing of these two hosts, which goes on from one checkpoint to the next.</summary>
    private Task<PairEvent> Hear(string primary, string? backup, CancellationToken cancellationToken)
    {
        if (_hearing is null || _hearing.Primary != primary || _hearing.Backup != backup || _hearing.Found.IsCompleted)
        {
            _hearing?.End.Cancel();
            var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            _hearing = new Hearing(primary, backup, end, HearBothAsync(LinkOf(primary), backup, end.Token));
        }

        return _hearing.Found;
    }

    /// <summary>Ends when the primary or the backup cannot do its part any more.</summary>
    private async Task<PairEvent> HearBothAsync(IHypervisorLink primary, string? backup, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        List<Task<PairEvent>> hearing = [HearPrimaryAsync(primary, end.Token)];
        if (backup is not null)
        {
            hearing.Add(HearBackupAsync(LinkOf(backup), end.Token));
        }

        try
        {
            return await await Task.WhenAny(hearing);
        }
        finally
        {
            await end.CancelAsync();
            await Task.WhenAll(hearing.Select(static task => (Task)task)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<PairEvent> HearPrimaryAsync(IHypervisorLink link, CancellationToken cancellationToken) =>
        await _hosts.UntilGoneAsync(link, cancellationToken) is { } silence
            ? new PairEvent.PrimaryLost(silence)
            : new PairEvent.PrimaryDied($"the VM has died on {link.HostName}");

    private async Task<PairEvent> HearBackupAsync(IHypervisorLink link, CancellationToken cancellationToken) =>
        new PairEvent.BackupLost(await _hosts.UntilSilentAsync(link, cancellationToken));

    private async Task<PairEvent> FenceAsync(string host, CancellationToken cancellationToken)
    {
        if (await _fence.FenceAsync(host, _fleet.Find(host)?.Link, _plan.VM, cancellationToken) is not { } reason)
        {
            return new PairEvent.Fenced();
        }

        await DelayAsync(Pause, cancellationToken);
        return new PairEvent.NotFenced(reason);
    }

    private async Task<PairEvent> TakeOverAsync(PairAction.TakeOver take, CancellationToken cancellationToken)
    {
        if (take.Host is not { } name)
        {
            return await ChooseAsync(except: null, cancellationToken) is { } chosen
                ? new PairEvent.BackupChosen(chosen)
                : await WaitAsync();
        }

        var link = LinkOf(name);
        try
        {
            // What a dead controller has left there has put out what nobody has.
            if (await _fence.FenceAsync(name, link, _plan.VM, cancellationToken) is { } reason)
            {
                return await WaitAsync(reason);
            }

            _gate?.Dispose();
            _gate = new ConsoleGate(_plan.ConsoleSocket, _log, take.Checkpoint.Cut, _plan.MaxHeldBytes);
            await link.SendAsync(new RestoreCheckpoint(_plan.VM, _checkpoints.PathOf(take.Checkpoint)), cancellationToken);
            _checkpoints.Release(take.Checkpoint, _log);
            await link.SendAsync(new ResumeVM(_plan.VM), cancellationToken);
            _unable.Clear();
            Requests.Switched();
            return new PairEvent.TookOver(name);
        }
        catch (HypervisorException e)
        {
            // Another host may try only when this one is known to have nothing.
            if (await _fence.FenceAsync(name, link, _plan.VM, cancellationToken) is { } reason)
            {
                return await WaitAsync(reason);
            }

            _unable.Add(name);
            return new PairEvent.CannotTakeOver(name, e.Message);
        }

        async Task<PairEvent> WaitAsync(string reason = "none of the hosts answers and can take the VM")
        {
            _unable.Clear();
            await DelayAsync(Pause, cancellationToken);
            return new PairEvent.NotFenced(reason); // changes nothing: it is tried again
        }
    }

    private async Task<PairEvent> RunAloneAsync(string primary, CancellationToken cancellationToken)
    {
        _checkpoints.Drop(but: null);
        _gate?.Open(true);
        while (true)
        {
            if (Requests.Stopping.IsCancellationRequested)
            {
                return new PairEvent.StopRequested();
            }

            var place = await PlaceAsync(primary, cancellationToken);
            if (place.IsNotRunning())
            {
                return new PairEvent.PrimaryDied($"the VM has died on {primary}");
            }

            // While it does not answer, the VM may run on.
            if (place is not VMWhereabouts.Unknown && await ChooseAsync(primary, cancellationToken) is { } host)
            {
                return new PairEvent.BackupChosen(host);
            }

            await DelayAsync(Pause, cancellationToken);
        }
    }

    private PairEvent End()
    {
        _checkpoints.Drop(but: null);
        _gate?.Open(true);
        return new PairEvent.StopRequested();
    }

    /// <summary>The first of the hosts that answers and does not run the VM; null: none.</summary>
    private async Task<string?> ChooseAsync(string? except, CancellationToken cancellationToken)
    {
        foreach (var host in _plan.Hosts.Where(host => host != except && !_unable.Contains(host)))
        {
            if ((await PlaceAsync(host, cancellationToken)).IsNotRunning())
            {
                return host;
            }
        }

        return null;
    }

    /// <summary>What the host has of the VM; Unknown where it is not connected, or does not answer.</summary>
    private async Task<VMWhereabouts> PlaceAsync(string host, CancellationToken cancellationToken) => _fleet.Find(host) is { } known
        ? (await _hosts.AskAsync(known.Link, cancellationToken)).Place
        : VMWhereabouts.Unknown;

    private async Task DelayAsync(TimeSpan delay, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(Requests.Stopping, cancellationToken);
        await Task.Delay(delay, _time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Has the last checkpoint restored where it would be needed, and removes it again: it never runs there.</summary>
    private async Task DrillAsync(CheckpointMark committed, string? backup, CancellationToken cancellationToken)
    {
        while (Requests.NextDrill() is { } wanted)
        {
            try
            {
                var link = LinkOf(backup ?? throw new HypervisorException(
                    "The pair has no backup host now.", error: HypervisorError.InvalidState,
                    recommendedAction: "Try it again when Get-KumoiFtPair shows one."));
                var begun = _time.GetTimestamp();
                await link.SendAsync(new RestoreCheckpoint(_plan.VM, _checkpoints.PathOf(committed)), cancellationToken);
                var took = _time.GetElapsedTime(begun);
                await link.SendAsync(new DestroyVM(_plan.VM), cancellationToken); // a takeover would do it too
                wanted.TrySetResult(took);
            }
            catch (HypervisorException e)
            {
                wanted.TrySetException(e);
            }
        }
    }

    private IHypervisorLink LinkOf(string host) => _fleet.Find(host)?.Link
        ?? throw new HypervisorException(
            $"{host} is not connected.",
            error: HypervisorError.ConnectionFailed,
            recommendedAction: $"Connect it: Connect-KumoiHost {host}.");

    /// <summary>Who is heard, and what comes of it.</summary>
    private sealed record Hearing(string Primary, string? Backup, CancellationTokenSource End, Task<PairEvent> Found);
}
