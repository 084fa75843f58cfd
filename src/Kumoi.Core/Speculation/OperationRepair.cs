using System.Text.Json;
using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Speculation;

/// <summary>
/// Finishes, or takes back, an operation on several targets whose owner has died: by the journal's last step and by what the hosts have.
/// It leaves exactly one copy of the VM, or does nothing and says why: it never starts a VM that another host may be running.
/// </summary>
public sealed class OperationRepair(Fleet fleet, IJournal journal, TimeProvider time)
{
    /// <summary>Whether no process is known to work on a pending operation any more.</summary>
    public static bool IsLeft(KumoiOperation operation) =>
        !OperationsUnderWay.Has(operation.Id) && (operation.Owner == OperationOwner.Current || operation.Owner.IsAlive is not true);

    /// <summary>Whether the operation ran on several hosts: those can be repaired.</summary>
    public static bool IsOnSeveralHosts(KumoiOperation operation) => operation.Kind is OperationKind.SpeculativeMigrate or OperationKind.SpeculativeStart;

    /// <summary>The names of the hosts of an operation on several hosts.</summary>
    public static IEnumerable<string> HostsOf(KumoiOperation operation)
    {
        var plan = RepairPlan.Of(operation);
        return plan.Home is null ? plan.Candidates : plan.Candidates.Prepend(plan.Home);
    }

    /// <summary>
    /// Operations on several hosts that these hosts' VMs tell of, and that nobody works on, although the journal does not have them as pending:
    /// it is gone, or could not remove all.
    /// </summary>
    /// <exception cref="HypervisorException">A host does not answer.</exception>
    public async Task<IReadOnlyList<KumoiOperation>> FindOrphansAsync(IEnumerable<KumoiConnection> hosts, CancellationToken cancellationToken)
    {
        var orphans = (await Orphans.FindAsync(hosts, cancellationToken)).FindAll(IsLeft);
        if (orphans.Count > 0)
        {
            var query = new OperationQuery { Ids = [.. orphans.Select(orphan => orphan.Id)], States = [OperationState.Pending] };
            await foreach (var pending in journal.ReadOperationsAsync(query, cancellationToken))
            {
                orphans.RemoveAll(orphan => orphan.Id == pending.Id && orphan.Kind == pending.Kind);
            }
        }

        return orphans;
    }

    /// <summary>
    /// The operation's owner must be dead, or have given it up: as long as it works on it, it is the one who knows.
    /// </summary>
    /// <param name="operation">As the journal, or <see cref="FindOrphansAsync"/>, has it.</param>
    /// <param name="isOwnerKnownDead">The caller's word for an owner on another machine, say, where nobody here can look.</param>
    /// <param name="cancellationToken">What was done stays; the operation is unfinished still.</param>
    public async Task<RepairResult> RepairAsync(KumoiOperation operation, bool isOwnerKnownDead, CancellationToken cancellationToken)
    {
        if (operation.State is not OperationState.Pending)
        {
            return Nothing(operation, $"The operation has ended: {operation.State}.");
        }

        if (WhyOwned(operation, isOwnerKnownDead) is { } why)
        {
            return Nothing(operation, why);
        }

        if (!IsOnSeveralHosts(operation) || operation.VMId is not { } id)
        {
            return Nothing(operation, $"{operation.Kind} was one call: look at the VM itself. Nothing has to be finished.");
        }

        if (operation.IsSimulated && operation.Owner != OperationOwner.Current)
        {
            // Hosts of the same names in this process are others.
            var gone = $"The simulated hosts of '{operation.VM}' have ended with {operation.Owner}.";
            await EndAsync(operation, OperationState.Failed, gone);
            return new RepairResult { Operation = operation, IsRepaired = true, Message = gone };
        }

        var plan = RepairPlan.Of(operation);
        string? named;
        bool isMoved;
        if (operation.Sequence > 0)
        {
            (named, isMoved) = await ReadStepsAsync(operation, cancellationToken);
        }
        else
        {
            // Nobody has kept its steps.
            (named, var isPaused, var unknown) = await Orphans.FindWinnerAsync(fleet, operation, host => PlaceAsync(host, id, cancellationToken), cancellationToken);
            if (unknown is not null)
            {
                return Nothing(operation, char.ToUpperInvariant(unknown[0]) + unknown[1..]);
            }

            (isMoved, plan) = (named is not null && !isPaused, plan with { WasPaused = isPaused && !plan.IsStrict });
        }

        if (operation.Kind is OperationKind.SpeculativeStart)
        {
            var (result, end) = await new PowerOnRepair(fleet, operation, plan.Candidates, plan.Home, time).RepairAsync(named, cancellationToken);
            if (end is { } state)
            {
                await EndAsync(operation, state, state is OperationState.Failed ? result.Message : null);
            }

            return result;
        }

        return await RepairMigrationAsync(operation, id, plan, named, isMoved, cancellationToken);
    }

    private async Task<RepairResult> RepairMigrationAsync(
        KumoiOperation operation, Guid id, RepairPlan plan, string? named, bool isMoved, CancellationToken cancellationToken)
    {
        if (fleet.Find(operation.VMHost) is not { } source)
        {
            return Nothing(operation, $"{operation.VMHost}, where '{operation.VM}' was, is not connected: connect it first.");
        }

        var candidates = plan.Candidates.ToList();
        if (named is null)
        {
            return await TakeBackAsync(operation, id, source, candidates, "no target had been named", cancellationToken);
        }

        if (fleet.Find(named) is not { } winner)
        {
            return Nothing(operation, $"'{operation.VM}' may run on {named}, which is not connected: connect it first.");
        }

        var place = await PlaceAsync(winner, id, cancellationToken);
        if (isMoved || place is VMPlace.Running || ((plan.WasPaused || plan.IsStrict) && place is VMPlace.Paused))
        {
            return await FinishAsync(operation, id, source, winner, candidates, plan.IsStrict && !plan.WasPaused, cancellationToken);
        }

        return place switch
        {
            VMPlace.Unknown => Nothing(
                operation, $"'{operation.VM}' runs on {named} or nowhere, and {named} does not answer: nothing is started until it does, or is known to be off."),
            VMPlace.MigrationPaused or VMPlace.Stopping => Nothing(operation, $"{named} is still starting or stopping '{operation.VM}': try again in a moment."),
            _ => await TakeBackAsync(operation, id, source, candidates, $"it did not start on {named}", cancellationToken),
        };
    }

    private static string? WhyOwned(KumoiOperation operation, bool isOwnerKnownDead) => operation.Owner.IsAlive switch
    {
        _ when OperationsUnderWay.Has(operation.Id) => "This session is working on it.",
        true when operation.Owner != OperationOwner.Current => $"{operation.Owner} still runs, and is the one who knows: end that process first.",
        null when !isOwnerKnownDead => $"Whether {operation.Owner} still runs cannot be told from here: make sure that it does not, and say so with -Force.",
        _ => null,
    };

    /// <summary>The target that may be running the VM, and whether it was seen to. A target that was proven absent is out.</summary>
    private async Task<(string? Named, bool IsMoved)> ReadStepsAsync(KumoiOperation operation, CancellationToken cancellationToken)
    {
        string? named = null;
        var isMoved = false;
        var query = new EventQuery { Kinds = [KumoiEventKind.Speculation], OperationId = operation.Id };
        await foreach (var told in journal.ReadEventsAsync(query, cancellationToken))
        {
            switch (StepOf(told))
            {
                case SpeculationStep.Finishing:
                    named = told.VMHost;
                    break;
                case SpeculationStep.Moved:
                    (named, isMoved) = (told.VMHost, true);
                    break;
                case SpeculationStep.Absent when string.Equals(named, told.VMHost, StringComparison.Ordinal):
                    named = null;
                    break;
            }
        }

        return (named, isMoved);
    }

    private static SpeculationStep StepOf(KumoiEvent told)
    {
        try
        {
            return Enum.TryParse((string?)JsonNode.Parse(told.Data)?[SpeculationLog.StepProperty], out SpeculationStep step) ? step : SpeculationStep.Other;
        }
        catch (JsonException)
        {
            return SpeculationStep.Other;
        }
    }

    /// <summary>The VM runs on the winner: what the source and the others hold is left over.</summary>
    private async Task<RepairResult> FinishAsync(
        KumoiOperation operation, Guid id, KumoiConnection source, KumoiConnection winner, List<string> candidates, bool letRun,
        CancellationToken cancellationToken)
    {
        switch (await PlaceAsync(source, id, cancellationToken))
        {
            case VMPlace.Unknown:
                return Nothing(operation, letRun && await PlaceAsync(winner, id, cancellationToken) is VMPlace.Paused
                    ? $"'{operation.VM}' stays paused on {winner} until {source}, which does not answer, has nothing of it. If {source} is off for good, resume it."
                    : $"'{operation.VM}' runs on {winner}; {source} does not answer, and holds a paused copy that must be removed there.");
            case VMPlace.Running:
                return Nothing(
                    operation, $"'{operation.VM}' runs on {winner} and on {source}: somebody has resumed it there. Stop the one that is not wanted, at once.");
            case VMPlace.Absent:
                break;
            default:
                await RemoveAsync(source, id, cancellationToken);
                break;
        }

        var unreachable = await CleanAsync(operation, id, candidates.Where(name => name != winner.Name), cancellationToken);
        if (letRun && await PlaceAsync(winner, id, cancellationToken) is VMPlace.Paused)
        {
            await winner.Link.ResumeAsync(id, OperationId.New(), cancellationToken);
        }

        await TryUnmarkAsync(operation, id, winner, cancellationToken);
        var now = await PlaceAsync(winner, id, cancellationToken);
        await EndAsync(operation, OperationState.Succeeded);
        return new RepairResult
        {
            Operation = operation,
            IsRepaired = true,
            VMHost = winner.Name,
            Message = $"'{operation.VM}' {(now is VMPlace.Running ? "runs" : "is " + now.ToString().ToLowerInvariant())} on {winner}. {source} holds no copy of it any more.",
            Unreachable = unreachable,
        };
    }

    /// <summary>No target runs it, and none can: the source goes on.</summary>
    private async Task<RepairResult> TakeBackAsync(
        KumoiOperation operation, Guid id, KumoiConnection source, List<string> candidates, string why, CancellationToken cancellationToken)
    {
        var place = await PlaceAsync(source, id, cancellationToken);
        if (place is VMPlace.Unknown or VMPlace.Stopping)
        {
            return Nothing(operation, $"{why}, and {source} {(place is VMPlace.Unknown ? "does not answer" : "is stopping it")}: '{operation.VM}' may be paused there.");
        }

        foreach (var candidate in candidates.Select(fleet.Find).OfType<KumoiConnection>())
        {
            if (await PlaceAsync(candidate, id, cancellationToken) is VMPlace.Running)
            {
                return Nothing(operation, $"{why}, and yet '{operation.VM}' runs on {candidate}: somebody else has moved or started it.");
            }
        }

        var unreachable = await CleanAsync(operation, id, candidates, cancellationToken);
        if (place is VMPlace.MigrationPaused)
        {
            await source.Link.ResumeAsync(id, OperationId.New(), cancellationToken);
        }

        await TryUnmarkAsync(operation, id, source, cancellationToken);
        await EndAsync(operation, OperationState.Failed, why);
        return new RepairResult
        {
            Operation = operation,
            IsRepaired = true,
            VMHost = place is VMPlace.Absent ? null : source.Name,
            Message = place switch
            {
                VMPlace.Absent => $"{why}, and {source} has no '{operation.VM}' any more.",
                VMPlace.MigrationPaused => $"'{operation.VM}' goes on on {source}: {why}.",
                _ => $"'{operation.VM}' is on {source}: {why}.",
            },
            Unreachable = unreachable,
        };
    }

    /// <summary>
    /// Removes this operation's copies that were never started; they carry its id. Returns the hosts that do not answer.
    /// </summary>
    private async Task<IReadOnlyList<string>> CleanAsync(
        KumoiOperation operation, Guid id, IEnumerable<string> candidates, CancellationToken cancellationToken)
    {
        var unreachable = new List<string>();
        foreach (var name in candidates)
        {
            var candidate = fleet.Find(name);
            switch (candidate is null ? VMPlace.Unknown : await PlaceAsync(candidate, id, cancellationToken))
            {
                case VMPlace.Unknown:
                    unreachable.Add(name);
                    break;
                case VMPlace.MigrationPaused or VMPlace.Stopping or VMPlace.Off when await CarriesAsync(candidate!, id, operation, cancellationToken):
                    await RemoveAsync(candidate!, id, cancellationToken);
                    break;
            }
        }

        return unreachable;
    }

    /// <summary>The VM is where it belongs: whoever finds the mark there would take it for a leftover.</summary>
    private static async Task TryUnmarkAsync(KumoiOperation operation, Guid id, KumoiConnection host, CancellationToken cancellationToken)
    {
        try
        {
            if (await CarriesAsync(host, id, operation, cancellationToken))
            {
                await host.Link.MarkAsync(id, null, cancellationToken);
            }
        }
        catch (HypervisorException)
        {
            // A mark does no harm.
        }
    }

    /// <summary>A copy of somebody else's migration, or an old definition of the VM, does not.</summary>
    private static Task<bool> CarriesAsync(KumoiConnection host, Guid id, KumoiOperation operation, CancellationToken cancellationToken) =>
        Traces.CarriesAsync(host, id, new OperationId(operation.Id), cancellationToken);

    /// <summary>Stops a copy, and removes its definition where it has one. Its disks are the winner's too, and stay.</summary>
    private static async Task RemoveAsync(KumoiConnection host, Guid id, CancellationToken cancellationToken)
    {
        if (await host.Link.FindVMAsync(id, cancellationToken) is { State: not PowerState.Shutoff })
        {
            await Traces.UnlessGoneAsync(host.Link.DestroyAsync(id, OperationId.New(), cancellationToken));
        }

        if (await host.Link.FindVMAsync(id, cancellationToken) is not null)
        {
            await Traces.UnlessGoneAsync(host.Link.UndefineAsync(id, removeVolumes: false, OperationId.New(), cancellationToken));
        }
    }

    private Task<VMPlace> PlaceAsync(KumoiConnection host, Guid id, CancellationToken cancellationToken) =>
        Traces.ReadPlaceAsync(host, id, time, cancellationToken);

    /// <summary>An operation that the journal does not have ends nowhere.</summary>
    private Task EndAsync(KumoiOperation operation, OperationState state, string? error = null) => operation.Sequence == 0
        ? Task.CompletedTask
        : journal.EndAsync(operation.Sequence, operation.Id, new OperationOutcome(state, time.GetUtcNow(), error), CancellationToken.None);

    private static RepairResult Nothing(KumoiOperation operation, string message) => new() { Operation = operation, IsRepaired = false, Message = message };
}
