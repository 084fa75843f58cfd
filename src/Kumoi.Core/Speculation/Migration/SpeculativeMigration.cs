using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;

namespace Kumoi.Speculation.Migration;

/// <summary>
/// A live migration to several targets at once, exactly one of which wins (paper 002). The VM is sent once; the first target that has all of
/// it is started, and the others leave nothing behind. Until then everything can be taken back, and the VM runs on where it was.
/// </summary>
/// <param name="vm">The VM.</param>
/// <param name="options">The policy.</param>
/// <param name="time">The clock.</param>
public sealed class SpeculativeMigration(KumoiVM vm, SpeculationOptions options, TimeProvider time)
{
    private readonly MigrationEnding _ending = new(vm, time);
    private readonly List<MigrationReplica> _replicas = [];

    /// <summary>Those that were left out before anything was begun.</summary>
    private readonly List<MigrationReplica> _leftOut = [];

    /// <summary>
    /// Migrates to the targets, the preferred first: so many at once as the policy says, then to the next ones, until one has won. Those that
    /// cannot take the VM, as far as that can be known before, are left out; that costs one call to each, all at once.
    /// </summary>
    /// <exception cref="SpeculationFailedException">No target won. The VM runs on where it was.</exception>
    /// <exception cref="HypervisorException">
    /// Before anything was begun; or, with an unknown outcome, after the starting step: the operation stays pending in the journal.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was cancelled before a winner was named. The VM runs on where it was.</exception>
    public async Task<SpeculationResult> RunAsync(
        IReadOnlyList<KumoiConnection> targets, IProgress<ReplicaProgress>? progress, CancellationToken cancellationToken)
    {
        var journal = vm.Connection.Journal ?? throw new HypervisorException(
            "An operation on several targets needs a journal.", error: HypervisorError.NotSupported,
            recommendedAction: "Give the fleet a journal.");
        var candidates = Candidates(await DistinctHosts.OfAsync(targets, vm.Connection, time, cancellationToken));
        if (candidates.Count == 0)
        {
            throw new HypervisorException(
                $"There is no target for '{vm.Name}' but {vm.VMHost}, where it is.", FaultDomain.Host, error: HypervisorError.InvalidState,
                recommendedAction: "Give other hosts.");
        }

        var needs = await MigrationChecks.ReadNeedsAsync(vm, options.Migration, cancellationToken);
        if (needs.Obstacles.FirstOrDefault(obstacle => obstacle.IsFatal) is { } own)
        {
            // No target could take it.
            throw (own with { Message = $"'{vm.Name}' stays on {vm.VMHost}: {own.Message}" }).ToException(FaultDomain.VM);
        }

        var (fit, leftOut) = await MigrationPreflight.RunAsync(vm, needs, candidates, time, cancellationToken);
        _leftOut.AddRange(leftOut);

        // A repair must reach every candidate that is named, so only those are that anything can be sent to.
        candidates = fit.Count > 0 ? fit : candidates;
        var mark = new SpeculationMark(
            OperationId.New(), IsStart: false, vm.VMHost, [.. candidates.Select(target => target.Name)], OperationOwner.Current.ToToken())
        {
            IsStrict = options.IsStrict && needs.VM.State is not PowerState.Paused,
        };
        var plan = new MigrationPlan(mark, options.Migration);
        using var underWay = OperationsUnderWay.Enter(plan.Operation);
        var log = await SpeculationLog.BeginAsync(journal, Intent(plan, needs.VM, candidates), cancellationToken);
        return await RunAsync(plan, log, fit, progress, cancellationToken);
    }

    /// <summary>Which of these targets would be tried at once, and which later.</summary>
    public ReplicationPlan Plan(IReadOnlyList<KumoiConnection> targets) =>
        ReplicationPlan.Make(options, ReliabilityKind.Migration, Candidates(targets), vm.MemoryBytes);

    private List<KumoiConnection> Candidates(IEnumerable<KumoiConnection> targets) =>
        [.. targets.Where(target => !ReferenceEquals(target, vm.Connection)).Distinct()];

    private async Task<SpeculationResult> RunAsync(
        MigrationPlan plan, SpeculationLog log, List<KumoiConnection> candidates, IProgress<ReplicaProgress>? progress, CancellationToken cancellationToken)
    {
        try
        {
            var result = await RunRoundsAsync(plan, log, candidates, progress, cancellationToken);
            await TellOutcomesAsync(log);
            await log.EndAsync(
                result.Replicas.All(replica => replica.IsClean) ? OperationState.Succeeded : OperationState.Unknown,
                string.Join("; ", result.Replicas.Where(replica => !replica.IsClean).Select(replica => $"something may be left on {replica.VMHost}")));
            return result;
        }
        catch (Exception e)
        {
            await TellOutcomesAsync(log);
            if (!IsUndecided(e))
            {
                await log.EndAsync(OperationState.Failed, e.Message);
            }

            throw;
        }
    }

    private Task TellOutcomesAsync(SpeculationLog log) => log.TellOutcomesAsync(ReliabilityKind.Migration, vm.MemoryBytes, Outcomes());

    /// <summary>The VM may run on a target: nothing may be taken back, whatever has gone wrong.</summary>
    private bool IsUndecided(Exception failure) =>
        failure is HypervisorException { OutcomeUnknown: true } || _replicas.Exists(replica => replica.MayRun);

    private async Task<SpeculationResult> RunRoundsAsync(
        MigrationPlan plan, SpeculationLog log, List<KumoiConnection> candidates, IProgress<ReplicaProgress>? progress, CancellationToken cancellationToken)
    {
        Exception? first = null;
        var schedule = Plan(candidates);
        foreach (var round in schedule.Rounds)
        {
            var isLast = ReferenceEquals(round, schedule.Rounds[^1]);
            var budget = schedule.HedgeDelay is { } delay && !isLast && !(options.Budget.TimeLimit < delay)
                ? options.Budget with { TimeLimit = delay }
                : options.Budget;
            try
            {
                if (await RunRoundAsync(plan, log, round, budget, progress, cancellationToken) is { } winner)
                {
                    return new SpeculationResult(winner, Outcomes());
                }
            }
            catch (HypervisorException e) when (!IsUndecided(e))
            {
                first ??= e;
                if (e.FaultDomain is FaultDomain.VM)
                {
                    // No other target would do better.
                    break;
                }
            }
        }

        first ??= _replicas.Concat(_leftOut).Select(replica => replica.Failure).FirstOrDefault(failure => failure is not null)
            ?? new HypervisorException("no target took it", FaultDomain.Host);
        throw new SpeculationFailedException($"'{vm.Name}' stays on {vm.VMHost}: {first.Message}", first, Outcomes());
    }

    /// <summary>One try on some targets. Null: none of them won, and the VM is back where it was.</summary>
    private async Task<KumoiVM?> RunRoundAsync(
        MigrationPlan plan,
        SpeculationLog log,
        IReadOnlyList<KumoiConnection> targets,
        ReplicaBudget budget,
        IProgress<ReplicaProgress>? progress,
        CancellationToken cancellationToken)
    {
        var replicas = targets.Select(target => new MigrationReplica(target, plan.Candidates.ToList().IndexOf(target.Name) + 1) { Budget = budget }).ToList();
        _replicas.AddRange(replicas);
        var begun = time.GetTimestamp();
        await using var outgoing = await vm.Connection.Link.SendAsync(new BeginMigration(vm.Id, plan), cancellationToken);
        var offer = options.IsStrict ? outgoing.Offer with { IsPaused = true } : outgoing.Offer;
        MigrationReplica? winner;
        try
        {
            await Stragglers.RunAsync(replicas, (replica, token) => PrepareAsync(replica, offer, token, cancellationToken), time, cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();
            var prepared = replicas.Where(replica => replica.Incoming is not null).ToList();
            if (prepared.Count == 0)
            {
                throw replicas[0].Failure!;
            }

            var observer = new ReplicaObserver(prepared, progress, time);
            var complete = await vm.Connection.Link.SendAsync(
                new PerformMigration(outgoing, [.. prepared.Select(replica => replica.Incoming!)], budget) { Progress = observer }, cancellationToken);
            prepared.ForEach(replica => replica.HasAll = complete.Contains(replica.Incoming!));
            foreach (var dropped in prepared.Where(replica => !replica.HasAll))
            {
                dropped.IsOvertaken = true;
                dropped.Failure ??= new HypervisorException($"{dropped.Name} was given up, or failed, before it had the whole VM.", FaultDomain.Host);
            }

            var candidates = complete.Select(incoming => new MigrationCandidate(
                prepared.Find(replica => ReferenceEquals(replica.Incoming, incoming))!,
                replica => ReplicaRemains.ReadCopyAsync(replica.Target, vm.Id, plan.Operation, time),
                _ending.AbandonAsync));
            var elected = await new CommitPoint(log, time).ElectAsync([.. candidates], (candidate, failure) => candidate.Replica.Failure = failure);
            winner = elected?.Replica;
        }
        catch (Exception e) when (!IsUndecided(e))
        {
            // Until the source has gone on, the reason may be there; after a cancellation, the targets were cut off from here.
            replicas.ForEach(replica => replica.IsInDoubt = true);
            await _ending.RevertAsync(outgoing, replicas);
            replicas.ForEach(replica => replica.IsInDoubt = e is OperationCanceledException);
            throw;
        }
        catch
        {
            replicas.ForEach(replica => replica.IsInDoubt = true);
            await MigrationEnding.DisposeAsync(replicas);
            throw;
        }
        finally
        {
            replicas.ForEach(replica => replica.Duration = time.GetElapsedTime(begun));
        }

        if (winner is null)
        {
            await _ending.RevertAsync(outgoing, replicas);
            return null;
        }

        winner.HasWon = true;

        // It takes as long to end the copies as to end the source's, and neither depends on the other.
        var abandoning = Task.WhenAll(replicas.Where(replica => !replica.HasWon).Select(_ending.TryAbandonAsync));
        var isToRun = offer.IsPaused && !outgoing.Offer.IsPaused;
        try
        {
            // Whatever goes wrong at the source now leaves a paused copy there, never a running one.
            await _ending.ConfirmAsync(
                outgoing, cancelled: false,
                $"'{vm.Name}' has moved to {winner.Name}{(isToRun ? ", stays paused there" : "")}, and {vm.VMHost} did not confirm it",
                isToRun ? $"removes the paused copy there, and resumes the VM on {winner.Name}" : "removes the paused copy there");
            if (isToRun)
            {
                await _ending.ResumeAsync(winner);
            }

            if (plan.Mark.IsStrict)
            {
                await _ending.UnmarkAsync(winner);
            }
        }
        finally
        {
            await abandoning;
            await MigrationEnding.DisposeAsync(replicas);
        }

        return new KumoiVM(winner.Target, await ReplicaRemains.ReadWinnerAsync(winner.Target, vm.Reading));
    }

    /// <summary>Whether the target is prepared; otherwise its failure says why not.</summary>
    /// <param name="replica">The target.</param>
    /// <param name="offer">What the source gave.</param>
    /// <param name="patience">Cancelled when all is, or when the target is silent for too long.</param>
    /// <param name="cancellationToken">Cancelled when all is.</param>
    private static async Task<bool> PrepareAsync(
        MigrationReplica replica, MigrationOffer offer, CancellationToken patience, CancellationToken cancellationToken)
    {
        try
        {
            replica.Incoming = await replica.Target.Link.SendAsync(new PrepareMigration(offer, replica.Number), patience);
        }
        catch (HypervisorException e)
        {
            replica.Failure = e;
        }
        catch (OperationCanceledException e)
        {
            replica.Failure = cancellationToken.IsCancellationRequested ? e : Stragglers.Silent(replica.Name);
        }

        return replica.Incoming is not null;
    }

    private IReadOnlyList<ReplicaOutcome> Outcomes()
    {
        // What a whole transfer takes is known once there was one.
        var whole = _replicas.Where(replica => replica.HasAll).Select(replica => replica.BytesTaken).DefaultIfEmpty(vm.MemoryBytes).Max();
        return [.. _replicas.Concat(_leftOut).Select(replica => replica.ToOutcome(whole))];
    }

    private OperationIntent Intent(MigrationPlan plan, VMReading now, IEnumerable<KumoiConnection> candidates) => new()
    {
        Id = plan.Operation.Value,
        Kind = OperationKind.SpeculativeMigrate,
        VMHost = vm.VMHost,
        IsSimulated = vm.Connection.IsSimulated,
        VMId = vm.Id,
        VM = vm.Name,
        StartedAt = time.GetUtcNow(),
        Details = new JsonObject
        {
            ["source"] = vm.Connection.Uri,
            ["candidates"] = new JsonArray([.. candidates.Select(target => new JsonObject { ["name"] = target.Name, ["uri"] = target.Uri })]),
            ["persistent"] = now.IsPersistent,
            ["paused"] = now.State is PowerState.Paused,
            ["strict"] = options.IsStrict,
        }.ToJsonString(),
    };
}
