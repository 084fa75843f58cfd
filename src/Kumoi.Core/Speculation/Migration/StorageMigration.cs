using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Fleets.Journaling;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;

namespace Kumoi.Speculation.Migration;

/// <summary>
/// A live migration that takes the VM's disks with it: volumes are made at the target, the hypervisor copies into them while the VM runs,
/// and when it was seen at the target its disks at the source go. A move that fails, or is cancelled, leaves nothing at the target; what a
/// controller that dies has left, <see cref="Repair.OperationRepair"/> removes by the journal.
/// </summary>
/// <param name="vm">The VM.</param>
/// <param name="target">Where it goes.</param>
/// <param name="options">How it is done.</param>
/// <param name="keepSource">Its disks stay at the source, too.</param>
/// <param name="time">The clock.</param>
public sealed class StorageMigration(
    KumoiVM vm, KumoiConnection target, MigrationOptions options, bool keepSource, TimeProvider time)
{
    internal const string MadeProperty = "made";
    internal const string SourceProperty = "source";
    internal const string PeerToPeerProperty = "peerToPeer";

    private readonly OperationId _operation = OperationId.New();

    /// <summary>Moves it.</summary>
    /// <exception cref="HypervisorException">
    /// What stands in the way, before anything was begun: of domain VM, or of the target. Else as <see cref="MigrateVM"/>; with an unknown
    /// outcome the operation stays pending in the journal. What may be left at the target is told by <see cref="CallWarnings"/>.
    /// </exception>
    /// <exception cref="OperationCanceledException">The VM runs on where it was.</exception>
    public async Task<KumoiVM> RunAsync(IProgress<MigrationProgress>? progress, CancellationToken cancellationToken)
    {
        var wanted = options with { WithStorage = true };
        if (ReferenceEquals(vm.Connection, target))
        {
            return await VMActions.MoveAsync(vm, target, wanted, progress, cancellationToken); // says so
        }

        var needs = await MigrationChecks.ReadNeedsAsync(vm, wanted, cancellationToken);
        Ensure(needs.Obstacles, FaultDomain.VM);
        if (needs.CopiedDisks.Count == 0)
        {
            return await VMActions.MoveAsync(vm, target, wanted with { WithStorage = false }, progress, cancellationToken);
        }

        var inTheWay = await MigrationChecks.CheckTargetAsync(vm, needs, target, cancellationToken);
        var (copies, obstacles) = await DiskPlaces.FindAsync(needs, target, options.TargetPool, cancellationToken);
        Ensure([.. inTheWay, .. obstacles], FaultDomain.Host);
        var volumes = await DiskPlaces.FindVolumesAsync(vm.Connection, needs.CopiedDisks, cancellationToken);
        var journal = vm.Connection.Journal ?? throw new HypervisorException(
            "A move with storage needs a journal.", error: HypervisorError.NotSupported, recommendedAction: "Give the fleet a journal.");
        journal.Keep(await journal.OpenAsync(cancellationToken));
        using var underWay = OperationsUnderWay.Enter(_operation);
        List<DiskRemains.Place> source = keepSource
            ? [] : [.. volumes.Select(static one => new DiskRemains.Place(one.Value.Pool, one.Value.Volume, one.Key))];
        var begun = await journal.BeginAsync(Plan(copies, source), cancellationToken);
        var reading = await MoveAsync(copies, wanted, progress, journal, begun, cancellationToken);
        if (!keepSource)
        {
            var homeless = copies.Where(copy => !volumes.ContainsKey(copy.Path)).Select(static copy => $"'{copy.Path}'").ToList();
            if (homeless.Count > 0)
            {
                CallWarnings.Tell($"{string.Join(", ", homeless)} on {vm.VMHost} stays: it is in no active storage pool there, and Kumoi "
                    + "deletes nothing else.");
            }
        }

        await SettleAsync(reading, copies, source, journal, begun);
        return new KumoiVM(target, reading);
    }

    private static DiskRemains.Place PlaceOf(DiskCopy copy) => new(copy.Pool, copy.VolumeName, copy.TargetPath);

    private static void Ensure(IEnumerable<MigrationObstacle> obstacles, FaultDomain domain)
    {
        if (obstacles.FirstOrDefault(static obstacle => obstacle.IsFatal) is { } first)
        {
            throw first.ToException(domain);
        }
    }

    private OperationIntent Plan(IReadOnlyList<DiskCopy> copies, IReadOnlyList<DiskRemains.Place> source) => new()
    {
        Id = _operation.Value,
        Kind = OperationKind.MigrateWithStorage,
        VMHost = vm.Connection.Name,
        IsSimulated = vm.Connection.IsSimulated,
        VMId = vm.Id,
        VM = vm.Name,
        Target = target.Name,
        StartedAt = time.GetUtcNow(),
        Details = new JsonObject
        {
            [MadeProperty] = DiskRemains.ToJson(copies.Select(PlaceOf)),
            [SourceProperty] = DiskRemains.ToJson(source),
            [PeerToPeerProperty] = options.PeerToPeer,
        }.ToJsonString(),
    };

    private async Task<VMReading> MoveAsync(
        IReadOnlyList<DiskCopy> copies, MigrationOptions wanted, IProgress<MigrationProgress>? progress, FleetJournal journal,
        JournaledOperation begun, CancellationToken cancellationToken)
    {
        List<DiskRemains.Place> made = [];
        string? unsure = null;
        try
        {
            foreach (var copy in copies)
            {
                cancellationToken.ThrowIfCancellationRequested();
                unsure = copy.TargetPath;

                // Not to be cancelled: what it had made then, nobody would know.
                var volume = await target.Link.SendAsync(
                    new CreateVolume(copy.Pool, copy.VolumeName, copy.Format, copy.CapacityBytes) { Operation = _operation },
                    CancellationToken.None);
                made.Add(PlaceOf(copy));
                unsure = null;
                EnsureIs(volume, copy);
            }

            return await vm.Connection.Link.SendAsync(
                new MigrateVM(vm.Id, target.Link, wanted with { Disks = copies })
                {
                    Operation = _operation,
                    KnownName = vm.Name,
                    Progress = progress,
                },
                cancellationToken);
        }
        catch (HypervisorException e) when (e.OutcomeUnknown && unsure is null)
        {
            throw new HypervisorException(
                $"{e.Message} Its disks are on {vm.VMHost} and on {target.Name}.", e.FaultDomain, e.IsTransient, outcomeUnknown: true,
                e.Error, e.NativeCode, $"When both hosts answer: Repair-KumoiOperation {_operation.Value:D}. Remove no disk before.", e);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException or JournalException)
        {
            var left = await DiskRemains.RemoveMadeAsync(target, vm.Id, made, _operation, time);
            if (e is HypervisorException { OutcomeUnknown: true })
            {
                left = $"{(left is null ? "" : left + "; ")}it is not known whether '{unsure}' was made";
            }

            if (left is null)
            {
                await journal.EndAsync(begun, new OperationOutcome(OperationState.Failed, time.GetUtcNow(), e.Message));
            }
            else
            {
                CallWarnings.Tell($"'{vm.Name}' was not moved, and what was made for its disks on {target.Name} may be there still: "
                    + $"{left}. When it answers again: Repair-KumoiOperation {_operation.Value:D}");
            }

            throw;
        }
    }

    /// <summary>The hypervisor would copy into whatever is at the path.</summary>
    private void EnsureIs(VolumeReading volume, DiskCopy copy)
    {
        if (ImagePath.Normalize(volume.Path) != ImagePath.Normalize(copy.TargetPath) || volume.CapacityBytes < copy.CapacityBytes)
        {
            throw new HypervisorException(
                $"The volume '{copy.VolumeName}' that was made on {target.Name} is '{volume.Path}' with {volume.CapacityBytes} bytes, not "
                    + $"'{copy.TargetPath}' with {copy.CapacityBytes}.",
                FaultDomain.Storage, error: HypervisorError.StorageFailed,
                recommendedAction: "Give another storage pool: -TargetPool.");
        }
    }

    /// <summary>What the VM has had at its source goes when it is seen at the target, and at its source no more.</summary>
    private async Task SettleAsync(
        VMReading reading, IReadOnlyList<DiskCopy> copies, IReadOnlyList<DiskRemains.Place> source, FleetJournal journal,
        JournaledOperation begun)
    {
        var there = await ReplicaRemains.ReadPlaceAsync(target, vm.Id, time);
        var here = await ReplicaRemains.ReadPlaceAsync(vm.Connection, vm.Id, time);
        if (reading.IsMasked && there is VMWhereabouts.Absent)
        {
            if (await DiskRemains.RemoveMadeAsync(target, vm.Id, [.. copies.Select(PlaceOf)], _operation, time) is not null)
            {
                return; // it stays pending
            }

            await journal.EndAsync(begun, new OperationOutcome(OperationState.Failed, time.GetUtcNow(), "Masked."));
            return;
        }

        var left = (there, here) is (VMWhereabouts.Running or VMWhereabouts.Paused or VMWhereabouts.Off, VMWhereabouts.Absent)
            ? await DiskRemains.RemoveAllAsync(vm.Connection, source, _operation, time)
            : $"{target.Name} has the VM '{there}', {vm.VMHost} '{here}'";
        if (left is null)
        {
            await journal.EndAsync(begun, new OperationOutcome(OperationState.Succeeded, time.GetUtcNow()));
        }
        else
        {
            CallWarnings.Tell($"'{vm.Name}' has moved to {target.Name}, and its disks on {vm.VMHost} stay: {left}. To remove them "
                + $"when that is settled: Repair-KumoiOperation {_operation.Value:D}");
        }
    }
}
