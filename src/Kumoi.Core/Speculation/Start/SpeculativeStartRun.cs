using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;

namespace Kumoi.Speculation.Start;

/// <summary>One <see cref="SpeculativeStart"/>: each target gets a copy of its own.</summary>
internal sealed class SpeculativeStartRun(
    SpeculationMark mark, VMReading vm, SpeculativeStartPlan start, IReadOnlyList<KumoiConnection> targets, SpeculationLog log,
    SpeculationOptions options, IProgress<ReplicaProgress>? progress, TimeProvider time)
    : ReplicatedOperation<StartReplica>(mark, vm, targets, log, options, time)
{
    private readonly long _began = time.GetTimestamp();
    private TimeSpan _won;
    private string? _keptAtHome;

    protected override string Unchanged => $"'{start.Name}' {(start.Home is null ? "was not made" : $"stays off on {start.Home.Name}")}";

    protected override bool TakesTurns => start.SharesDisks;

    protected override bool StaysUntilRepaired => true;

    protected override StartReplica Make(KumoiConnection target, int number, ReplicaBudget budget) =>
        new(target, ReferenceEquals(target, start.Home) ? 0 : number, Mark, start, budget.TimeLimit, Time);

    protected override Exception? FailureOf(Attempt attempt) => attempt.Replicas[0].Failure;

    protected override string ErrorOf(Exception failure) =>
        (failure is SpeculationFailedException ? failure.InnerException! : failure).Message;

    protected override async Task BeginAsync(CancellationToken cancellationToken)
    {
        if (start.Home is { } home)
        {
            await home.Link.SendAsync(new MarkVM(start.Id, Mark), cancellationToken);
        }
    }

    protected override async Task<IReadOnlyList<StartReplica>> PrepareAsync(Attempt attempt, CancellationToken cancellationToken)
    {
        var replica = attempt.Replicas[0];
        Report(replica);
        await replica.PrepareAsync(cancellationToken);
        Report(replica);
        return replica.IsThere ? [replica] : [];
    }

    protected override async Task<StartReplica?> CommitAsync(IReadOnlyList<StartReplica> complete)
    {
        if (start.Home is { } home && !complete[0].IsHome
            && await ReplicaRemains.ReadPlaceAsync(home, start.Id, Time) is not (VMWhereabouts.Off or VMWhereabouts.Paused) and var place)
        {
            // Whoever else may have started it there: then it must not run here.
            var why = place is VMWhereabouts.Unknown ? "does not answer" : $"has it {place}";
            throw new HypervisorException(
                $"'{start.Name}' is started nowhere: {home.Name}, its host, {why}.", FaultDomain.VM, error: HypervisorError.InvalidState,
                recommendedAction: $"Look at {home.Name}.");
        }

        if (!await complete[0].TryNameAsync())
        {
            return null;
        }

        var winner = await base.CommitAsync(complete);
        _won = Time.GetElapsedTime(_began);
        return winner;
    }

    protected override async Task RestoreAsync()
    {
        if (start.Home is { } home
            && !Replicas.Exists(static replica => replica.MayRun || replica.IsNamedAndLeft || (replica.IsHome && !replica.IsClean)))
        {
            await TryUnmarkAsync(home);
        }
    }

    protected override async Task HandOverAsync(StartReplica winner, Task losers)
    {
        await losers;
        if (start.Home is { } home && !winner.IsHome)
        {
            await RemoveHomeAsync(home);
        }

        await TryUnmarkAsync(winner.Target);
    }

    protected override IReadOnlyList<ReplicaOutcome> Outcomes() => [.. Replicas.Select(replica => replica.ToOutcome(_won))];

    protected override IReadOnlyList<ReplicaOutcome> Results() => _keptAtHome is not { } why ? Outcomes() :
    [
        .. Outcomes().Where(outcome => outcome.VMHost != start.Home!.Name),
        new ReplicaOutcome(start.Home!.Name, IsWinner: false, why, IsClean: false),
    ];

    /// <summary>The VM has gone to the winner, with its definition.</summary>
    private async Task RemoveHomeAsync(KumoiConnection home)
    {
        try
        {
            await Replica.WithinLimitAsync(limit => ReplicaRemains.RemoveHomeAsync(home, start.Id, Mark.Operation, limit), Time);
            Replicas.ForEach(static replica => replica.IsRemoved |= replica.IsHome);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException or JournalException)
        {
            _keptAtHome = $"its definition could not be removed: {e.Message}";
        }
    }

    private void Report(StartReplica replica) =>
        progress?.Report(new ReplicaProgress(replica.Name, BytesTaken: 0, replica.IsThere, replica.Failure?.Message));
}
