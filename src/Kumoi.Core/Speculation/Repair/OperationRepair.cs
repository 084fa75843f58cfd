using System.Text.Json;
using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Speculation.Repair;

/// <summary>
/// Finishes, or takes back, an operation on several targets whose owner has died: by the journal's last step and by what the hosts have.
/// It leaves exactly one copy of the VM, or does nothing and says why: it never starts a VM that another host may be running.
/// </summary>
public sealed class OperationRepair(Fleet fleet, IJournal journal, TimeProvider time)
{
    /// <summary>Whether no process is known to work on a pending operation any more.</summary>
    public static bool IsLeft(KumoiOperation operation) =>
        !OperationsUnderWay.Has(operation.Id) && (operation.Owner == OperationOwner.Current || operation.Owner.IsAlive is not true);

    /// <summary>Whether the operation has several steps, mostly on several hosts: those can be repaired.</summary>
    public static bool IsOnSeveralHosts(KumoiOperation operation) => operation.Kind is OperationKind.SpeculativeMigrate
        or OperationKind.SpeculativeStart or OperationKind.MigrateWithStorage or OperationKind.MoveStorage or OperationKind.Import;

    /// <summary>The names of the hosts of an operation on several hosts.</summary>
    public static IEnumerable<string> HostsOf(KumoiOperation operation)
    {
        if (operation.Kind is OperationKind.MigrateWithStorage)
        {
            return [operation.VMHost, operation.Target!];
        }

        if (operation.Kind is OperationKind.MoveStorage or OperationKind.Import)
        {
            return [operation.VMHost];
        }

        var plan = RepairPlan.Of(operation);
        return plan.Home is null ? plan.Candidates : plan.Candidates.Prepend(plan.Home);
    }

    /// <summary>
    /// Operations on several hosts that these hosts' VMs tell of, and that nobody works on, although the journal does not have them as
    /// pending: it is gone, or could not remove all.
    /// </summary>
    /// <exception cref="HypervisorException">A host does not answer.</exception>
    public async Task<IReadOnlyList<KumoiOperation>> FindOrphansAsync(
        IEnumerable<KumoiConnection> hosts, CancellationToken cancellationToken)
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

        if (!IsOnSeveralHosts(operation) || operation.VMId is null && operation.Kind is not OperationKind.Import)
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

        if (await RepairByStepsAsync(operation, cancellationToken) is var (repaired, ending))
        {
            if (ending is { } ended)
            {
                await EndStepsAsync(operation, ended, cancellationToken);
                await EndAsync(operation, ended, ended is OperationState.Failed ? repaired.Message : null);
            }

            return repaired;
        }

        var id = operation.VMId!.Value;
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
            (named, var isPaused, var unknown) = await Orphans.FindWinnerAsync(
                fleet, operation, host => ReplicaRemains.ReadPlaceAsync(host, id, time, cancellationToken), cancellationToken);
            if (unknown is not null)
            {
                return Nothing(operation, char.ToUpperInvariant(unknown[0]) + unknown[1..]);
            }

            (isMoved, plan) = (named is not null && !isPaused, plan with { WasPaused = isPaused && !plan.IsStrict });
        }

        var (result, end) = operation.Kind is OperationKind.SpeculativeStart
            ? await new SpeculativeStartRepair(fleet, operation, plan.Candidates, plan.Home, time).RepairAsync(named, cancellationToken)
            : await new MigrationRepair(fleet, operation, plan, time).RepairAsync(named, isMoved, cancellationToken);
        if (end is { } state)
        {
            await EndAsync(operation, state, state is OperationState.Failed ? result.Message : null);
        }

        return result;
    }

    /// <summary>Of operations whose steps are calls; null: it is none.</summary>
    private async Task<(RepairResult Result, OperationState? End)?> RepairByStepsAsync(
        KumoiOperation operation, CancellationToken cancellationToken) => operation.Kind switch
        {
            OperationKind.MoveStorage => await new DiskMoveRepair(fleet, journal, operation, time).RepairAsync(cancellationToken),
            OperationKind.Import => await new ImportRepair(fleet, journal, operation, time).RepairAsync(cancellationToken),
            OperationKind.MigrateWithStorage => await new StorageMigrationRepair(fleet, journal, operation, time).RepairAsync(cancellationToken),
            _ => null,
        };

    private static string? WhyOwned(KumoiOperation operation, bool isOwnerKnownDead) => operation.Owner.IsAlive switch
    {
        _ when OperationsUnderWay.Has(operation.Id) => "This session is working on it.",
        true when operation.Owner != OperationOwner.Current =>
            $"{operation.Owner} still runs, and is the one who knows: end that process first.",
        null when !isOwnerKnownDead =>
            $"Whether {operation.Owner} still runs cannot be seen from here: make sure that it does not, and run it again with -Force.",
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
            return Enum.TryParse((string?)JsonNode.Parse(told.Data)?[SpeculationLog.StepProperty], out SpeculationStep step)
                ? step : SpeculationStep.Other;
        }
        catch (JsonException)
        {
            return SpeculationStep.Other;
        }
    }

    /// <summary>An operation that the journal does not have ends nowhere.</summary>
    private Task EndAsync(KumoiOperation operation, OperationState state, string? error = null) => operation.Sequence == 0
        ? Task.CompletedTask
        : journal.EndAsync(operation.Sequence, operation.Id, new OperationOutcome(state, time.GetUtcNow(), error), CancellationToken.None);

    /// <summary>Its calls that its owner has not seen end: of the migration it is known by now how it ended.</summary>
    private async Task EndStepsAsync(KumoiOperation operation, OperationState end, CancellationToken cancellationToken)
    {
        List<KumoiOperation> steps = [];
        var query = new OperationQuery { Ids = [operation.Id], States = [OperationState.Pending] };
        await foreach (var step in journal.ReadOperationsAsync(query, cancellationToken))
        {
            if (step.Sequence != operation.Sequence)
            {
                steps.Add(step);
            }
        }

        foreach (var step in steps)
        {
            await EndAsync(
                step, step.Kind is OperationKind.Migrate ? end : OperationState.Unknown,
                end is OperationState.Succeeded ? null : "Its session has ended; it was repaired.");
        }
    }

    private static RepairResult Nothing(KumoiOperation operation, string message) =>
        new() { Operation = operation, IsRepaired = false, Message = message };
}
