using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;

namespace Kumoi.Speculation.Repair;

/// <summary>
/// Ends an import whose process has died: a VM that was defined is whole and stays; else what was made for it goes. What the import is not
/// known to have made stays, and is named.
/// </summary>
/// <param name="fleet">The hosts.</param>
/// <param name="journal">What was made.</param>
/// <param name="operation">The operation.</param>
/// <param name="time">The clock.</param>
internal sealed class ImportRepair(Fleet fleet, IJournal journal, KumoiOperation operation, TimeProvider time)
{
    private readonly OperationId _operation = new(operation.Id);

    /// <summary>Null as the end: it is unfinished still.</summary>
    public async Task<(RepairResult Result, OperationState? End)> RepairAsync(CancellationToken cancellationToken)
    {
        if (fleet.Find(operation.VMHost) is not { } host)
        {
            return (Nothing($"'{operation.VM}' was imported on {operation.VMHost}: connect it first."), null);
        }

        var folder = ImportFolder.Remove(_operation, operation.Details);
        if (await IsDefinedAsync(cancellationToken))
        {
            var whole = $"'{operation.VM}' is whole on {host.Name}." + (folder is null ? "" : $" But there stays: {folder}.");
            return (Repaired(whole) with { VMHost = host.Name }, OperationState.Succeeded);
        }

        // Its definition comes last, and its answer may have been lost.
        await host.Link.SendAsync(new UndoDefineVM(_operation) { Operation = _operation }, cancellationToken);
        var steps = await VolumeSteps.ReadAsync(journal, operation.Id, host.Name, cancellationToken);
        List<string> left = folder is null ? [] : [folder];
        foreach (var volume in steps.Tried)
        {
            left.AddRange(steps.FateOf(volume) switch
            {
                VolumeSteps.Fate.Made => await DiskRemains.RemoveAllAsync(host, [volume], _operation, time, isOwn: true) is { } why
                    ? [why] : [],
                VolumeSteps.Fate.Unknown => [$"'{volume.Path}', if it is there: whether it is of this import is not known"],
                _ => [],
            });
        }

        var message = $"{host.Name} has nothing of the import of '{operation.VM}' any more."
            + (left.Count == 0 ? "" : $" But there stays: {string.Join("; ", left)}.");
        return (Repaired(message), OperationState.Failed);
    }

    private async Task<bool> IsDefinedAsync(CancellationToken cancellationToken)
    {
        var query = new OperationQuery { Ids = [operation.Id], States = [OperationState.Succeeded] };
        await foreach (var step in journal.ReadOperationsAsync(query, cancellationToken))
        {
            if (step.Kind is OperationKind.Define)
            {
                return true;
            }
        }

        return false;
    }

    private RepairResult Repaired(string message) => new() { Operation = operation, IsRepaired = true, Message = message };

    private RepairResult Nothing(string message) => new() { Operation = operation, IsRepaired = false, Message = message };
}
