using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Speculation.Migration;

/// <summary>One <see cref="SpeculativeMigration"/>: the VM is sent once at a time, in a stream to all targets of an attempt.</summary>
internal sealed class SpeculativeMigrationRun(
    KumoiVM vm, SpeculationMark mark, IReadOnlyList<KumoiConnection> targets, IReadOnlyList<MigrationReplica> leftOut, SpeculationLog log,
    SpeculationOptions options, IProgress<ReplicaProgress>? progress, TimeProvider time)
    : ReplicatedOperation<MigrationReplica>(mark, vm.Reading, targets, log, options, time)
{
    /// <summary>Of the attempt that is under way.</summary>
    private IOutgoingMigration? _outgoing;
    private long _began;

    protected override string Unchanged => $"'{vm.Name}' stays on {vm.VMHost}";

    protected override IEnumerable<MigrationReplica> Tried => Replicas.Concat(leftOut);

    protected override bool TakesTurns => true;

    protected override bool StaysUntilRepaired => false;

    protected override MigrationReplica Make(KumoiConnection target, int number, ReplicaBudget budget) =>
        new(target, number) { Budget = budget };

    protected override IEnumerable<IReadOnlyList<KumoiConnection>> Divide(ReplicationPlan schedule) => schedule.Rounds;

    protected override Exception? FailureOf(Attempt attempt) => attempt.Failure;

    /// <summary>The source may be paused, too.</summary>
    protected override bool IsUndecided(Exception failure) =>
        failure is HypervisorException { OutcomeUnknown: true } || base.IsUndecided(failure);

    protected override async Task<IReadOnlyList<MigrationReplica>> PrepareAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        _began = Time.GetTimestamp();
        try
        {
            return await SendAsync(attempt.Replicas, cancellationToken);
        }
        catch (HypervisorException e) when (!IsUndecided(e))
        {
            attempt.Failure = e;
            return [];
        }
        finally
        {
            attempt.Replicas.ForEach(replica => replica.Duration = Time.GetElapsedTime(_began));
        }
    }

    /// <summary>
    /// On the source and on the targets at once: a target that is silent shall not keep the VM paused. The starting step went to none of
    /// them, or they were proven absent since: a target that does not answer holds at most a copy that cannot start by itself, and is
    /// destroyed there when our connection ends.
    /// </summary>
    protected override async Task TakeBackAsync(Attempt attempt, Exception? why)
    {
        // Until the source has gone on, the reason may be there; after a cancellation, the targets were cut off from here.
        attempt.Replicas.ForEach(replica => replica.IsInDoubt = why is not null);
        if (why is not null && IsUndecided(why))
        {
            await CloseAsync();
            return;
        }

        var removing = RemoveAsync(attempt.Replicas);
        try
        {
            await ConfirmAsync(
                cancelled: true, $"'{vm.Name}' may be paused: {vm.VMHost} did not confirm that it keeps it", "resumes it there");
        }
        finally
        {
            await removing;
            await CloseAsync();
        }

        attempt.Replicas.ForEach(replica => replica.IsInDoubt = why is OperationCanceledException);
    }

    protected override async Task HandOverAsync(MigrationReplica winner, Task losers)
    {
        winner.Duration = Time.GetElapsedTime(_began);
        var isToRun = Options.IsStrict && !_outgoing!.Offer.IsPaused;
        try
        {
            // Whatever goes wrong at the source now leaves a paused copy there, never a running one. It takes as long as to end the other
            // copies, and neither depends on the other.
            await ConfirmAsync(
                cancelled: false,
                $"'{vm.Name}' has moved to {winner.Name}{(isToRun ? ", stays paused there" : "")}, and {vm.VMHost} did not confirm it",
                isToRun ? $"removes the paused copy there, and resumes the VM on {winner.Name}" : "removes the paused copy there");
            if (isToRun)
            {
                // Now it is nowhere else.
                await OrUnfinishedAsync(
                    async () => await winner.Target.Link.SendAsync(new ResumeVM(vm.Id), CancellationToken.None),
                    $"'{vm.Name}' has moved to {winner.Name}, and could not be resumed there", winner.Name, "resumes the VM");
            }

            if (Mark.IsStrict)
            {
                await TryUnmarkAsync(winner.Target);
            }
        }
        finally
        {
            await losers;
            await CloseAsync();
        }
    }

    protected override IReadOnlyList<ReplicaOutcome> Outcomes()
    {
        // What a whole transfer takes is known once there was one.
        var whole = Replicas.Where(replica => replica.HasAll).Select(replica => replica.BytesTaken).DefaultIfEmpty(vm.MemoryBytes).Max();
        return [.. Tried.Select(replica => replica.ToOutcome(whole))];
    }

    private async Task<IReadOnlyList<MigrationReplica>> SendAsync(List<MigrationReplica> replicas, CancellationToken cancellationToken)
    {
        var plan = new MigrationPlan(Mark, Options.Migration);
        _outgoing = await vm.Connection.Link.SendAsync(new BeginMigration(vm.Id, plan), cancellationToken);
        var offer = Options.IsStrict ? _outgoing.Offer with { IsPaused = true } : _outgoing.Offer;
        await Stragglers.RunAsync(
            replicas, (replica, patience) => replica.PrepareAsync(offer, patience, cancellationToken), Time, cancellationToken);
        cancellationToken.ThrowIfCancellationRequested();
        var prepared = replicas.FindAll(replica => replica.Incoming is not null);
        if (prepared.Count == 0)
        {
            throw replicas[0].Failure!;
        }

        var performing = new PerformMigration(_outgoing, [.. prepared.Select(replica => replica.Incoming!)], replicas[0].Budget)
        {
            Progress = new ReplicaObserver(prepared, progress, Time),
        };
        var complete = await vm.Connection.Link.SendAsync(performing, cancellationToken);
        prepared.ForEach(replica => replica.HasAll = complete.Contains(replica.Incoming!));
        foreach (var dropped in prepared.Where(replica => !replica.HasAll))
        {
            dropped.IsOvertaken = true;
            dropped.Failure ??= new HypervisorException(
                $"{dropped.Name} was given up, or failed, before it had the whole VM.", FaultDomain.Host);
        }

        return [.. complete.Select(incoming => prepared.Find(replica => ReferenceEquals(replica.Incoming, incoming))!)];
    }

    /// <summary>Tells the source how it has ended, where anything was begun there.</summary>
    private async Task ConfirmAsync(bool cancelled, string problem, string remedy)
    {
        if (_outgoing is { } outgoing)
        {
            var call = new ConfirmMigration(outgoing, cancelled);
            await OrUnfinishedAsync(
                () => Replica.WithinLimitAsync(async limit => await vm.Connection.Link.SendAsync(call, limit), Time),
                problem, vm.VMHost, remedy);
        }
    }

    private static async Task OrUnfinishedAsync(Func<Task> call, string problem, string host, string remedy)
    {
        try
        {
            await call();
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            throw new HypervisorException(
                $"{problem}: {e.Message}", FaultDomain.Host, outcomeUnknown: true, innerException: e,
                recommendedAction: $"When {host} answers, run Repair-KumoiOperation: it {remedy}.");
        }
    }

    private async Task CloseAsync()
    {
        foreach (var replica in Replicas)
        {
            await replica.CloseAsync();
        }

        if (_outgoing is { } outgoing)
        {
            _outgoing = null;
            await outgoing.DisposeAsync();
        }
    }
}
