using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;

namespace Kumoi.Speculation.Start;

/// <summary>The replicas of one <see cref="SpeculativeStart"/>, from the first one that is made to the last one that is removed.</summary>
internal sealed class SpeculativeStartRun(SpeculationMark mark, SpeculativeStartPlan start, IReadOnlyList<KumoiConnection> candidates, SpeculationLog log, SpeculationOptions options,
    IProgress<ReplicaProgress>? progress, TimeProvider time)
{
    /// <summary>Ending must not be cut short by what made it necessary, but must not hang either.</summary>
    private static readonly TimeSpan EndingTimeout = TimeSpan.FromSeconds(30);

    private readonly List<Replica> _replicas = [];
    private readonly ReplicationPlan _plan = ReplicationPlan.Make(options, ReliabilityKind.PowerOn, candidates, memoryBytes: 0);
    private readonly long _began = time.GetTimestamp();
    private TimeSpan _won;
    private string? _keptAtHome;
    private bool _isVMsFault;

    private Guid Id => start.Id;

    private OperationId Operation => mark.Operation;

    private TimeProvider Time => time;

    /// <inheritdoc cref="SpeculativeStart.RunAsync"/>
    public async Task<SpeculationResult> RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Replica? winner;
        try
        {
            if (start.Home is { } home)
            {
                await home.Link.SendAsync(new MarkVM(start.Id, mark), stop.Token);
            }

            winner = await RaceAsync(stop.Token);
        }
        catch (Exception e)
        {
            await stop.CancelAsync();
            await TakeBackAsync();
            await EndAsync(_replicas.Exists(replica => replica.MayRun) ? null : OperationState.Failed, e.Message);
            throw;
        }

        await stop.CancelAsync();
        if (winner is null)
        {
            await TakeBackAsync();
            var first = _replicas.Select(replica => replica.Failure).First(failure => failure is not null)!;
            await EndAsync(OperationState.Failed, first.Message);
            throw new SpeculationFailedException(
                $"'{start.Name}' {(start.Home is null ? "was not made" : $"stays off on {start.Home.Name}")}: {first.Message}", first, Outcomes());
        }

        await TakeBackAsync();
        await RemoveHomeUnlessWinnerAsync(winner);
        await TryUnmarkAsync(winner.Target);
        await EndAsync(OperationState.Succeeded, null);
        var known = new VMReading { CapturedAt = time.GetUtcNow(), Id = start.Id, Name = start.Name, IsPersistent = true };
        return new SpeculationResult(new KumoiVM(winner.Target, await ReplicaRemains.ReadWinnerAsync(winner.Target, known)), Outcomes());
    }

    private async Task<Replica?> RaceAsync(CancellationToken cancellationToken)
    {
        var waiting = new Queue<KumoiConnection>(_plan.Rounds.SelectMany(round => round));
        var underWay = new List<Replica>();
        var isHedged = _plan.Rounds[0].Count == 1;
        var atATime = start.SharesDisks ? 1 : isHedged ? options.Policy.MaxReplicas : _plan.Rounds[0].Count;
        var hedge = Task.CompletedTask;
        while (true)
        {
            while (waiting.Count > 0 && !_isVMsFault && underWay.Count < atATime && (!isHedged || underWay.Count == 0 || hedge.IsCompleted))
            {
                underWay.Add(Begin(waiting.Dequeue(), isLast: waiting.Count == 0, cancellationToken));

                // Without a delay a further replica begins when one fails.
                hedge = isHedged ? Task.Delay(_plan.HedgeDelay ?? Timeout.InfiniteTimeSpan, time, cancellationToken) : Task.CompletedTask;
            }

            if (underWay.Count == 0)
            {
                return null;
            }

            var settled = Task.WhenAny(underWay.Select(replica => replica.Preparing));
            await (hedge.IsCompleted || waiting.Count == 0 || underWay.Count == atATime ? settled : Task.WhenAny(settled, hedge));
            cancellationToken.ThrowIfCancellationRequested();
            if (underWay.Find(replica => replica.Preparing.IsCompleted) is not { } ready)
            {
                continue;
            }

            underWay.Remove(ready);
            await ready.Preparing;
            if (ready.Failure is null && await ElectAsync(ready))
            {
                return ready;
            }

            _isVMsFault |= ready.Failure is HypervisorException { FaultDomain: FaultDomain.VM, Error: not HypervisorError.VMExists };
            ready.Removing = TryRemoveAsync(ready);
            if (start.SharesDisks)
            {
                await ready.Removing;
            }
        }
    }

    /// <summary>Where replicas wait for each other's disks, a slow one is given up for the next.</summary>
    private TimeSpan? LimitOf(bool isLast) =>
        start.SharesDisks && !isLast && _plan.HedgeDelay is { } delay && !(options.Budget.TimeLimit < delay) ? delay : options.Budget.TimeLimit;

    private Replica Begin(KumoiConnection target, bool isLast, CancellationToken cancellationToken)
    {
        var replica = new Replica(this, target, mark.Candidates.ToList().IndexOf(target.Name) + 1, ReferenceEquals(target, start.Home));
        _replicas.Add(replica);
        replica.Preparing = PrepareAsync(replica, LimitOf(isLast), cancellationToken);
        return replica;
    }

    private async Task PrepareAsync(Replica replica, TimeSpan? limit, CancellationToken cancellationToken)
    {
        using var patience = limit is { } given ? new CancellationTokenSource(given, time) : new CancellationTokenSource();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, patience.Token);
        var began = time.GetTimestamp();
        Report(replica);
        try
        {
            if (!replica.IsHome)
            {
                await replica.Target.Link.SendAsync(new DefineVM(start.Spec with { Mark = mark with { Replica = replica.Number } }) { Operation = mark.Operation }, either.Token);
            }

            replica.MayStartLater = replica.IsHome;
            await replica.Target.Link.SendAsync(new StartVM(start.Id, Paused: true) { Operation = mark.Operation }, either.Token);
            replica.IsThere = true;
            replica.MayStartLater = false;
        }
        catch (HypervisorException e)
        {
            replica.Failure = e;
            replica.MayStartLater &= e.OutcomeUnknown;
        }
        catch (OperationCanceledException e)
        {
            replica.IsTooSlow = patience.IsCancellationRequested;
            replica.Failure = replica.IsTooSlow
                ? new HypervisorException($"{replica.Name} took longer than {limit!.Value.TotalSeconds:0.#} s.", FaultDomain.Host, error: HypervisorError.TimedOut)
                : e;
        }

        replica.Duration = time.GetElapsedTime(began);
        Report(replica);
    }

    private void Report(Replica replica) =>
        progress?.Report(new ReplicaProgress(replica.Name, BytesTaken: 0, replica.IsThere, replica.Failure?.Message));

    private async Task<bool> ElectAsync(Replica ready)
    {
        if (start.Home is { } home && !ready.IsHome && await ReplicaRemains.ReadPlaceAsync(home, start.Id, time) is not (VMWhereabouts.Off or VMWhereabouts.Paused) and var place)
        {
            // Whoever else may have started it there: then it must not run here.
            throw new HypervisorException(
                $"'{start.Name}' is started nowhere: {home.Name}, its host, {(place is VMWhereabouts.Unknown ? "does not answer" : $"has it {place}")}.", FaultDomain.VM,
                error: HypervisorError.InvalidState, recommendedAction: $"Look at {home.Name}.");
        }

        try
        {
            // Where the journal is lost, this tells which copy may have run. Its answer can be lost, too.
            ready.MayBeNamed = true;
            await ready.Target.Link.SendAsync(new MarkVM(start.Id, mark with { Replica = ready.Number, IsNamed = true }), CancellationToken.None);
        }
        catch (HypervisorException e)
        {
            ready.Failure = e;
            return false;
        }

        var winner = await new CommitPoint(log, time).ElectAsync([ready], static (replica, failure) => replica.Failure = failure);
        ready.HasWon = winner is not null;
        _won = time.GetElapsedTime(_began);
        return ready.HasWon;
    }

    /// <summary>Removes every replica but one that runs, or may run; without a winner, the VM is then as it was.</summary>
    private async Task TakeBackAsync()
    {
        foreach (var replica in _replicas)
        {
            // It was cancelled.
            await replica.Preparing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(_replicas.Where(replica => !replica.MayRun).Select(RemoveAtTheEndAsync));
        if (start.Home is { } home && !_replicas.Exists(replica => replica.MayRun || replica.IsNamedAndLeft || (replica.IsHome && !replica.IsClean)))
        {
            await TryUnmarkAsync(home);
        }
    }

    /// <summary>Once more, where it was tried before in vain.</summary>
    private async Task RemoveAtTheEndAsync(Replica replica)
    {
        await replica.Removing;
        await TryRemoveAsync(replica);
    }

    private async Task TryRemoveAsync(Replica replica)
    {
        try
        {
            await RemoveAsync(replica);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException or JournalException)
        {
            replica.Failure ??= e;
        }
    }

    private async Task RemoveAsync(Replica replica)
    {
        if (!replica.IsRemoved)
        {
            using var limit = new CancellationTokenSource(EndingTimeout, time);
            var wasThere = await ReplicaRemains.RemoveAsync(replica.Target, replica.Number, start.Id, mark.Operation, limit.Token);
            replica.MayRun = false;
            replica.MayStartLater &= !wasThere;

            // As long as it may start later, it is not known to be removed: it keeps the mark, and the operation is unfinished.
            replica.IsRemoved = !replica.MayStartLater;
        }
    }

    /// <summary>The VM has gone to the winner, with its definition.</summary>
    private async Task RemoveHomeUnlessWinnerAsync(Replica winner)
    {
        if (start.Home is not { } home || winner.IsHome)
        {
            return;
        }

        using var limit = new CancellationTokenSource(EndingTimeout, time);
        try
        {
            await ReplicaRemains.RemoveHomeAsync(home, start.Id, mark.Operation, limit.Token);
            _replicas.ForEach(static replica => replica.IsRemoved |= replica.IsHome);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException or JournalException)
        {
            _keptAtHome = $"its definition could not be removed: {e.Message}";
        }
    }

    private async Task TryUnmarkAsync(KumoiConnection host)
    {
        using var limit = new CancellationTokenSource(EndingTimeout, time);
        try
        {
            await host.Link.SendAsync(new MarkVM(start.Id, null), limit.Token);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            // Whoever finds the mark can tell from the journal that the operation is over.
        }
    }

    /// <summary>As long as something is left on a host that does not answer, the operation is unfinished: repairing it removes that.</summary>
    private async Task EndAsync(OperationState? ended, string? error)
    {
        await log.TellOutcomesAsync(ReliabilityKind.PowerOn, memoryBytes: 0, [.. _replicas.Select(ToOutcome)]);
        if (ended is { } state && _keptAtHome is null && _replicas.TrueForAll(replica => replica.IsClean))
        {
            await log.EndAsync(state, error);
        }
    }

    private IReadOnlyList<ReplicaOutcome> Outcomes()
    {
        var outcomes = _replicas.ConvertAll(ToOutcome);
        if (_keptAtHome is { } why)
        {
            outcomes.RemoveAll(outcome => outcome.VMHost == start.Home!.Name);
            outcomes.Add(new ReplicaOutcome(start.Home!.Name, IsWinner: false, why, IsClean: false));
        }

        return outcomes;
    }

    private ReplicaOutcome ToOutcome(Replica replica) =>
        new(replica.Name, replica.HasWon, replica.HasWon ? null : replica.Failure?.Message ?? "another host was first", replica.IsClean)
        {
            Duration = replica.Duration,
            Ending = replica switch
            {
                { HasWon: true } => ReplicaEnding.Won,
                { MayRun: true } => ReplicaEnding.Unknown,
                { IsTooSlow: true } => ReplicaEnding.TooSlow,
                { Failure: HypervisorException e } => HostReliability.IsOfHost(e.FaultDomain, e.Error) ? ReplicaEnding.Failed : ReplicaEnding.Unknown,
                _ when _won == TimeSpan.Zero => ReplicaEnding.Unknown,
                { IsThere: true } => ReplicaEnding.Complete,
                _ => ReplicaEnding.Abandoned,
            },
            // It would have taken as long as the winner took, as far as is known.
            Progress = _won > TimeSpan.Zero ? Math.Clamp(replica.Duration / _won, 0, 1) : 0,
        };

    /// <summary>One target, and what is known of it.</summary>
    private sealed class Replica(SpeculativeStartRun race, KumoiConnection target, int number, bool isHome) : ICommitCandidate
    {
        public KumoiConnection Target => target;

        /// <summary>As its mark has it.</summary>
        public int Number => isHome ? 0 : number;

        public string Name => target.Name;

        /// <summary>The VM's own host: there it is started, not made.</summary>
        public bool IsHome => isHome;

        /// <summary>Ends when the replica is there, paused, or has failed.</summary>
        public Task Preparing { get; set; } = Task.CompletedTask;

        /// <summary>Ends when it was removed, or could not be, after it had failed.</summary>
        public Task Removing { get; set; } = Task.CompletedTask;

        public Exception? Failure { get; set; }

        /// <summary>The starting step went to it, and it is not proven that it did not take effect.</summary>
        public bool MayRun { get; set; }

        public bool HasWon { get; set; }

        /// <summary>Its copy may carry the mark of the one that may have run.</summary>
        public bool MayBeNamed { get; set; }

        /// <summary>
        /// Without the journal it will be taken for the winner: until it is gone, its home's definition must carry the mark as well, or that would
        /// stay beside it.
        /// </summary>
        public bool IsNamedAndLeft => MayBeNamed && !IsRemoved;

        /// <summary>
        /// Its start went out and was not answered: it may take effect at any time. Only at home: elsewhere the definition is removed, and
        /// there is nothing to start.
        /// </summary>
        public bool MayStartLater { get; set; }

        /// <summary>It was there, paused.</summary>
        public bool IsThere { get; set; }

        public bool IsTooSlow { get; set; }

        /// <summary>From its beginning until it was there, or had failed.</summary>
        public TimeSpan Duration { get; set; }

        public bool IsRemoved { get; set; }

        public bool IsClean => HasWon || IsRemoved;

        public Task StartAsync()
        {
            MayRun = true;
            return LetRunAsync();
        }

        /// <summary>It was named, so that to let it run is what is wanted, and does nothing where it runs already.</summary>
        public async Task TryAgainAsync()
        {
            try
            {
                await LetRunAsync();
            }
            catch (HypervisorException)
            {
                // What the host has tells.
            }
        }

        public Task<VMWhereabouts> ReadAsync() => ReplicaRemains.ReadCopyAsync(target, race.Id, race.Operation, race.Time);

        public bool IsWaiting(VMWhereabouts place, bool isAnswered) => place is VMWhereabouts.MigrationPaused or VMWhereabouts.Stopping || (place is VMWhereabouts.Paused && !isAnswered);

        public Task AbandonAsync() => race.RemoveAsync(this);

        private async Task LetRunAsync() => await target.Link.SendAsync(new ResumeVM(race.Id) { Operation = race.Operation }, CancellationToken.None);
    }
}
