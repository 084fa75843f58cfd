using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;
using Kumoi.Speculation.Migration;

namespace Kumoi.Speculation.Repair;

/// <summary>
/// Ends a move of disks to another storage pool: where the VM has a disk at the new place, what it has had goes; where it has the old one,
/// a copying that is under way is ended, and what was made for it goes. What the move is not known to have made stays, and is named.
/// </summary>
/// <param name="fleet">The hosts.</param>
/// <param name="journal">Which volumes were made.</param>
/// <param name="operation">The operation.</param>
/// <param name="time">The clock.</param>
internal sealed class DiskMoveRepair(Fleet fleet, IJournal journal, KumoiOperation operation, TimeProvider time)
{
    private readonly Guid _id = operation.VMId!.Value;
    private readonly OperationId _operation = new(operation.Id);

    /// <summary>Null as the end: it is unfinished still.</summary>
    public async Task<(RepairResult Result, OperationState? End)> RepairAsync(CancellationToken cancellationToken)
    {
        if (fleet.Find(operation.VMHost) is not { } host)
        {
            return Nothing($"Disks of '{operation.VM}' were moved on {operation.VMHost}: connect it first.");
        }

        if (await host.Link.SendAsync(new FindVM(_id), cancellationToken) is null)
        {
            return Nothing($"{host.Name} has '{operation.VM}' no more: look which of its disks are left there.");
        }

        var steps = await VolumeSteps.ReadAsync(journal, operation.Id, host.Name, cancellationToken);
        var details = JsonNode.Parse(operation.Details)!;
        var keeps = (bool?)details[DiskMove.KeepProperty] is true;
        List<string> left = [];
        var (atNew, atOld) = (0, 0);
        foreach (var disk in (JsonArray)details[DiskMove.DisksProperty]!)
        {
            var target = (string)disk!["target"]!;
            var from = (string)disk["from"]!;
            var to = DiskRemains.FromJson(disk["new"]).Single();
            var images = await ReadImagesAsync(host, target, cancellationToken);
            if (images.All(image => image == to.Path))
            {
                atNew++;
                foreach (var old in keeps ? [] : DiskRemains.FromJson(disk["old"]))
                {
                    // Of a volume that this move has removed, or may have, another may have taken the name since.
                    left.AddRange(steps.FateOf(old) switch
                    {
                        VolumeSteps.Fate.Untouched => await RemoveAsync(host, [old], isOwn: false),
                        VolumeSteps.Fate.Removed => [],
                        _ => [$"'{old.Path}', if it is there: whether this move has removed it is not known"],
                    });
                }
            }
            else if (images.All(image => image == from))
            {
                atOld++;
                await host.Link.SendAsync(new AbandonDiskCopy(_id, target, to.Path) { Operation = _operation }, cancellationToken);
                left.AddRange(steps.FateOf(to) switch
                {
                    VolumeSteps.Fate.Made => await RemoveAsync(host, [to], isOwn: true),
                    VolumeSteps.Fate.Unknown => [$"'{to.Path}', if it is there: whether it is of this move is not known"],
                    _ => [],
                });
            }
            else
            {
                var both = string.Join(" and ", images.Distinct().Select(static image => $"'{image}'"));
                return Nothing(
                    $"The disk '{target}' of '{operation.VM}' is {both}: "
                        + "which one is the VM's is not certain, and none is removed.");
            }
        }

        var message = $"'{operation.VM}' on {host.Name} has {atNew} disks at the new place and {atOld} at the old one."
            + (left.Count == 0 ? "" : $" There stays: {string.Join("; ", left)}.");
        return (
            new RepairResult { Operation = operation, IsRepaired = true, VMHost = host.Name, Message = message },
            atOld == 0 ? OperationState.Succeeded : OperationState.Failed);
    }

    private async Task<IReadOnlyList<string>> RemoveAsync(KumoiConnection host, IReadOnlyList<DiskRemains.Place> volumes, bool isOwn) =>
        await DiskRemains.RemoveAllAsync(host, volumes, _operation, time, isOwn) is { } why ? [why] : [];

    /// <summary>As the VM runs, and as it starts next.</summary>
    private async Task<IReadOnlyList<string?>> ReadImagesAsync(KumoiConnection host, string target, CancellationToken cancellationToken)
    {
        string[] definitions =
        [
            await host.Link.SendAsync(new ReadXml(_id), cancellationToken),
            await host.Link.SendAsync(new ReadDefinition(_id), cancellationToken),
        ];
        return
        [
            .. definitions.Select(text => DiskDefinition.Find(DomainDefinition.Parse(text), target) is { } disk
                ? DomainCopy.ImageOf(disk) : null),
        ];
    }

    private (RepairResult Result, OperationState? End) Nothing(string message) =>
        (new RepairResult { Operation = operation, IsRepaired = false, Message = message }, null);
}
