using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;

namespace Kumoi.Speculation;

/// <summary>
/// An operation on several targets, exactly one of which wins. What all such operations do is here, and only here: which target is tried
/// when, the commit, taking back what has not won, taking off the marks, and how the operation ends in the journal.
/// </summary>
internal abstract class ReplicatedOperation<TReplica>(
    SpeculationMark mark, VMReading vm, IReadOnlyList<KumoiConnection> targets, SpeculationLog log, SpeculationOptions options,
    TimeProvider time)
    where TReplica : Replica
{
    private readonly ReliabilityKind _kind = mark.IsStart ? ReliabilityKind.PowerOn : ReliabilityKind.Migration;
    private readonly List<Attempt> _attempts = [];

    protected SpeculationMark Mark => mark;

    protected SpeculationOptions Options => options;

    protected TimeProvider Time => time;

    /// <summary>All that were tried, in the order of preference.</summary>
    protected List<TReplica> Replicas => [.. _attempts.SelectMany(static attempt => attempt.Replicas)];

    /// <summary>The same, and those that were left out before.</summary>
    protected virtual IEnumerable<TReplica> Tried => Replicas;

    /// <summary>What is so when no target has won.</summary>
    protected abstract string Unchanged { get; }

    /// <summary>One attempt at a time: the next begins when nothing is left of it; one that is slow is given up for the next.</summary>
    protected abstract bool TakesTurns { get; }

    /// <summary>What is left on a host stays there until it is repaired. If not, the host removes it when the connection ends.</summary>
    protected abstract bool StaysUntilRepaired { get; }

    /// <summary>Runs it to its end.</summary>
    /// <exception cref="SpeculationFailedException">No target won, and the VM is as it was before.</exception>
    /// <exception cref="HypervisorException">With an unknown outcome: the operation stays pending in the journal.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before a winner was named. The VM is as it was before.</exception>
    public async Task<SpeculationResult> RunAsync(CancellationToken cancellationToken)
    {
        TReplica winner;
        try
        {
            winner = await FindWinnerAsync(cancellationToken);
        }
        catch (Exception e)
        {
            await EndAsync(IsUndecided(e) ? null : OperationState.Failed, ErrorOf(e));
            throw;
        }

        await EndAsync(OperationState.Succeeded, null);
        return new SpeculationResult(new KumoiVM(winner.Target, await ReplicaRemains.ReadWinnerAsync(winner.Target, vm)), Results());
    }

    protected abstract TReplica Make(KumoiConnection target, int number, ReplicaBudget budget);

    /// <summary>Targets that get the VM together are one attempt.</summary>
    protected virtual IEnumerable<IReadOnlyList<KumoiConnection>> Divide(ReplicationPlan plan) =>
        plan.Rounds.SelectMany(static round => round).Select(static target => (IReadOnlyList<KumoiConnection>)[target]);

    /// <summary>Before the first attempt.</summary>
    protected virtual Task BeginAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Brings the VM to the attempt's targets. Returns those where it can be started, the first one first.</summary>
    protected abstract Task<IReadOnlyList<TReplica>> PrepareAsync(Attempt attempt, CancellationToken cancellationToken);

    /// <summary>Why the attempt failed; null: only one of its targets did.</summary>
    protected abstract Exception? FailureOf(Attempt attempt);

    /// <summary>Starts the VM on the first of these on which it starts; null: on none.</summary>
    protected virtual Task<TReplica?> CommitAsync(IReadOnlyList<TReplica> complete) => new CommitPoint(log, time).ElectAsync(complete);

    /// <summary>Leaves nothing of an attempt behind.</summary>
    /// <param name="attempt">None of its targets has won.</param>
    /// <param name="why">Why it ended; null: each of its targets has its own reason.</param>
    protected virtual Task TakeBackAsync(Attempt attempt, Exception? why) => RemoveAsync(attempt.Replicas);

    /// <summary>The VM is as it was before: what else was done to it is undone.</summary>
    protected virtual Task RestoreAsync() => Task.CompletedTask;

    /// <summary>The VM is the winner's: what it was before is removed.</summary>
    /// <param name="winner">Where the VM is.</param>
    /// <param name="losers">Ends when they are removed, as far as they could be.</param>
    protected abstract Task HandOverAsync(TReplica winner, Task losers);

    /// <summary>Whether the VM may run on a target, or be held where it was: then the operation is unfinished.</summary>
    protected virtual bool IsUndecided(Exception failure) => Replicas.Exists(static replica => replica.MayRun);

    /// <summary>What each target says about its host.</summary>
    protected abstract IReadOnlyList<ReplicaOutcome> Outcomes();

    /// <summary>What became of each host.</summary>
    protected virtual IReadOnlyList<ReplicaOutcome> Results() => Outcomes();

    /// <summary>For the journal.</summary>
    protected virtual string ErrorOf(Exception failure) => failure.Message;

    /// <summary>Removes all but one that runs, or may run.</summary>
    protected Task RemoveAsync(List<TReplica> replicas) =>
        Task.WhenAll(replicas.FindAll(static replica => !replica.MayRun).Select(TryRemoveAsync));

    protected async Task TryUnmarkAsync(KumoiConnection host)
    {
        try
        {
            await Replica.WithinLimitAsync(async limit => await host.Link.SendAsync(new MarkVM(vm.Id, null), limit), time);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            // Whoever finds the mark can tell from the journal, or from the hosts, that the operation is over.
        }
    }

    private async Task<TReplica> FindWinnerAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        TReplica? winner;
        try
        {
            await BeginAsync(stop.Token);
            winner = await RaceAsync(stop.Token);
        }
        catch (Exception e)
        {
            await stop.CancelAsync();
            await TakeBackAsync(winner: null, e);
            throw;
        }

        await stop.CancelAsync();
        var takingBack = TakeBackAsync(winner, why: null);
        if (winner is not null)
        {
            await HandOverAsync(winner, takingBack);
            return winner;
        }

        await takingBack;
        var first = _attempts.Select(FailureOf).Concat(Tried.Select(static replica => replica.Failure)).OfType<Exception>().FirstOrDefault()
            ?? new HypervisorException("no target took it", FaultDomain.Host);
        throw new SpeculationFailedException($"{Unchanged}: {first.Message}", first, Results());
    }

    /// <summary>The first that was started; null: none.</summary>
    private async Task<TReplica?> RaceAsync(CancellationToken cancellationToken)
    {
        var plan = ReplicationPlan.Make(options, _kind, targets, vm.MemoryBytes);
        var waiting = new Queue<IReadOnlyList<KumoiConnection>>(Divide(plan));
        var underWay = new List<Attempt>();
        var isHedged = !TakesTurns && plan.Rounds[0].Count == 1;
        var atATime = TakesTurns ? 1 : isHedged ? options.Policy.MaxReplicas : plan.Rounds[0].Count;
        var hedge = Task.CompletedTask;
        var isVMsFault = false;
        while (true)
        {
            while (waiting.Count > 0 && !isVMsFault && underWay.Count < atATime && (!isHedged || underWay.Count == 0 || hedge.IsCompleted))
            {
                underWay.Add(Begin(waiting.Dequeue(), BudgetOf(plan, isLast: waiting.Count == 0), cancellationToken));

                // Without a delay a further replica begins when one fails.
                hedge = isHedged ? Task.Delay(plan.HedgeDelay ?? Timeout.InfiniteTimeSpan, time, cancellationToken) : Task.CompletedTask;
            }

            if (underWay.Count == 0)
            {
                return null;
            }

            Task settled = Task.WhenAny(underWay.Select(static attempt => attempt.Preparing));
            await (hedge.IsCompleted || waiting.Count == 0 || underWay.Count == atATime ? settled : Task.WhenAny(settled, hedge));
            var ready = underWay.Find(static attempt => attempt.Preparing.IsCompleted);
            var complete = ready is null ? [] : await ready.Preparing;
            cancellationToken.ThrowIfCancellationRequested();
            if (ready is null)
            {
                continue;
            }

            underWay.Remove(ready);
            if (complete.Count > 0 && await CommitAsync(complete) is { } winner)
            {
                return winner;
            }

            // No other target would do better.
            isVMsFault |= FailureOf(ready) is HypervisorException { FaultDomain: FaultDomain.VM, Error: not HypervisorError.VMExists };
            ready.TakingBack = TakeBackAsync(ready, FailureOf(ready));
            if (TakesTurns)
            {
                await ready.TakingBack;
            }
        }
    }

    private ReplicaBudget BudgetOf(ReplicationPlan plan, bool isLast) =>
        TakesTurns && !isLast && plan.HedgeDelay is { } delay && !(options.Budget.TimeLimit < delay)
            ? options.Budget with { TimeLimit = delay }
            : options.Budget;

    private Attempt Begin(IReadOnlyList<KumoiConnection> together, ReplicaBudget budget, CancellationToken cancellationToken)
    {
        var attempt = new Attempt([.. together.Select(target => Make(target, mark.Candidates.ToList().IndexOf(target.Name) + 1, budget))]);
        _attempts.Add(attempt);
        attempt.Preparing = PrepareAsync(attempt, cancellationToken);
        return attempt;
    }

    /// <summary>Takes back all that has not won. Without a winner the VM is then as it was, unless it may run on a target.</summary>
    private async Task TakeBackAsync(TReplica? winner, Exception? why)
    {
        foreach (var attempt in _attempts)
        {
            // It was cancelled.
            await ((Task)attempt.Preparing).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Task.WhenAll(_attempts.Select(attempt =>
            attempt.TakingBack is null && winner is null ? TakeBackAsync(attempt, why) : RemoveAgainAsync(attempt)));
        if (winner is null)
        {
            await RestoreAsync();
        }
    }

    /// <summary>Once more, where it was tried before in vain.</summary>
    private async Task RemoveAgainAsync(Attempt attempt)
    {
        await (attempt.TakingBack ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await RemoveAsync(attempt.Replicas);
    }

    private async Task TryRemoveAsync(TReplica replica)
    {
        try
        {
            await replica.RemoveAsync(time);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException or JournalException)
        {
            replica.Failure ??= e;
        }
    }

    /// <summary>Null as the state: it is unfinished.</summary>
    private async Task EndAsync(OperationState? ended, string? error)
    {
        await log.TellOutcomesAsync(_kind, vm.MemoryBytes, Outcomes());
        var left = Results().Where(static one => !one.IsClean).Select(static one => $"something may be left on {one.VMHost}").ToList();
        if (ended is { } state && (left.Count == 0 || !StaysUntilRepaired))
        {
            var isDoubtful = left.Count > 0 && state is OperationState.Succeeded;
            await log.EndAsync(isDoubtful ? OperationState.Unknown : state, isDoubtful ? string.Join("; ", left) : error);
        }
    }

    /// <summary>One try, on targets that get the VM together.</summary>
    protected sealed class Attempt(List<TReplica> replicas)
    {
        public List<TReplica> Replicas => replicas;

        /// <summary>Ends with the targets where the VM can be started.</summary>
        public Task<IReadOnlyList<TReplica>> Preparing { get; set; } = Task.FromResult<IReadOnlyList<TReplica>>([]);

        /// <summary>Ends when nothing is left, or what is could not be removed. Null: it has not come to that.</summary>
        public Task? TakingBack { get; set; }

        /// <summary>Why none of its targets could get the VM.</summary>
        public Exception? Failure { get; set; }
    }
}
