using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;
using Kumoi.Speculation.Migration;

namespace Kumoi.Speculation.Repair;

/// <summary>
/// Ends a move of a VM with its storage: where the target has the VM, the disks at its source go; where the source has it, and runs it,
/// what was made at the target goes. In any other case nobody knows which disks are the VM's, and none is touched.
/// </summary>
/// <param name="fleet">The hosts.</param>
/// <param name="journal">Which volumes were made.</param>
/// <param name="operation">The operation.</param>
/// <param name="time">The clock.</param>
internal sealed class StorageMigrationRepair(Fleet fleet, IJournal journal, KumoiOperation operation, TimeProvider time)
{
    private readonly Guid _id = operation.VMId!.Value;
    private readonly OperationId _operation = new(operation.Id);
    private readonly JsonNode _details = JsonNode.Parse(operation.Details)!;

    /// <summary>Null as the end: it is unfinished still.</summary>
    public async Task<(RepairResult Result, OperationState? End)> RepairAsync(CancellationToken cancellationToken)
    {
        if (fleet.Find(operation.VMHost) is not { } source || fleet.Find(operation.Target!) is not { } target)
        {
            return Nothing($"'{operation.VM}' was moved with its disks from {operation.VMHost} to {operation.Target}: connect both first.");
        }

        var here = await ReplicaRemains.ReadPlaceAsync(source, _id, time, cancellationToken);
        var there = await ReplicaRemains.ReadPlaceAsync(target, _id, time, cancellationToken);
        return (here, there) switch
        {
            (VMWhereabouts.Unknown, _) or (_, VMWhereabouts.Unknown) =>
                Nothing($"{(here is VMWhereabouts.Unknown ? source : target).Name} does not answer: no disk is removed until it does."),
            (VMWhereabouts.Running, VMWhereabouts.Running) => Nothing(
                $"'{operation.VM}' runs on {source.Name} and on {target.Name}. Stop the one that is not wanted, at once; no disk is "
                    + "removed."),
            (VMWhereabouts.Absent, VMWhereabouts.Running or VMWhereabouts.Paused or VMWhereabouts.Off) =>
                await FinishAsync(source, target, cancellationToken),
            (VMWhereabouts.Running or VMWhereabouts.Paused, VMWhereabouts.Absent) => await TakeBackAsync(source, target, cancellationToken),

            // Driven from here, and not from the source's daemon, it has ended with who drove it, and the target's copy too.
            (VMWhereabouts.MigrationPaused, VMWhereabouts.Absent) when (bool?)_details[StorageMigration.PeerToPeerProperty] is false =>
                await ResumeAsync(source, target, cancellationToken),
            _ => Nothing(
                $"{source.Name} has '{operation.VM}' '{here}', {target.Name} '{there}': which disks are the VM's is not certain, and none "
                    + "is removed. If it is being moved still, try again when that has ended; if it is off, start it where it is whole."),
        };
    }

    /// <summary>Of a volume that the same operation has removed already, or may have, another may have taken the name since.</summary>
    private async Task<(RepairResult Result, OperationState? End)> FinishAsync(
        KumoiConnection source, KumoiConnection target, CancellationToken cancellationToken)
    {
        var steps = await VolumeSteps.ReadAsync(journal, operation.Id, source.Name, cancellationToken);
        var had = DiskRemains.FromJson(_details[StorageMigration.SourceProperty]).ToLookup(steps.FateOf);
        var left = await DiskRemains.RemoveAllAsync(source, had[VolumeSteps.Fate.Untouched], _operation, time);
        return left is not null
            ? Nothing($"'{operation.VM}' is on {target.Name}, and its disks on {source.Name} stay: {left}.")
            : Ended(
                $"'{operation.VM}' is on {target.Name}, with its disks."
                    + (had.Contains(VolumeSteps.Fate.Unknown)
                        ? $" On {source.Name} look at {Names(had[VolumeSteps.Fate.Unknown])}: whether this move has removed it is not "
                            + "known, so that what is there stays."
                        : ""),
                target, OperationState.Succeeded);
    }

    private async Task<(RepairResult Result, OperationState? End)> ResumeAsync(
        KumoiConnection source, KumoiConnection target, CancellationToken cancellationToken)
    {
        await source.Link.SendAsync(new ResumeVM(_id), cancellationToken);
        return await TakeBackAsync(source, target, cancellationToken);
    }

    private async Task<(RepairResult Result, OperationState? End)> TakeBackAsync(
        KumoiConnection source, KumoiConnection target, CancellationToken cancellationToken)
    {
        if (await HasMovedAsync(cancellationToken))
        {
            return Nothing(
                $"'{operation.VM}' had moved to {target.Name}, and is on {source.Name} again: somebody has moved it back since. Look "
                    + $"which disks it uses, and remove what is left over on {target.Name}.");
        }

        var planned = DiskRemains.FromJson(_details[StorageMigration.MadeProperty]);
        var steps = await VolumeSteps.ReadAsync(journal, operation.Id, target.Name, cancellationToken);
        var volumes = planned.ToLookup(steps.FateOf);
        var left = await DiskRemains.RemoveMadeAsync(target, _id, [.. volumes[VolumeSteps.Fate.Made]], _operation, time);
        return left is not null
            ? Nothing($"'{operation.VM}' is on {source.Name}, and what was made for its disks on {target.Name} stays: {left}.")
            : Ended(
                $"'{operation.VM}' is on {source.Name}, with its disks. On {target.Name} "
                    + (!volumes.Contains(VolumeSteps.Fate.Unknown) ? "nothing of it is left."
                        : $"look at {Names(volumes[VolumeSteps.Fate.Unknown])}: whether it is of this move is not known, so that it stays."),
                source, OperationState.Failed);
    }

    private static string Names(IEnumerable<DiskRemains.Place> volumes) => string.Join(", ", volumes.Select(static one => $"'{one.Path}'"));

    private async Task<bool> HasMovedAsync(CancellationToken cancellationToken)
    {
        var query = new OperationQuery { Ids = [operation.Id], States = [OperationState.Succeeded] };
        await foreach (var step in journal.ReadOperationsAsync(query, cancellationToken))
        {
            if (step.Kind is OperationKind.Migrate)
            {
                return true;
            }
        }

        return false;
    }

    private (RepairResult Result, OperationState? End) Ended(string message, KumoiConnection host, OperationState state) =>
        (new RepairResult { Operation = operation, IsRepaired = true, VMHost = host.Name, Message = message }, state);

    private (RepairResult Result, OperationState? End) Nothing(string message) =>
        (new RepairResult { Operation = operation, IsRepaired = false, Message = message }, null);
}
