using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Fleets.Journaling;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;

namespace Kumoi.Speculation.Migration;

/// <summary>
/// Moves disks of a VM to another storage pool of its host, one after the other: while it runs, the hypervisor copies and the VM goes over;
/// while it is off, it is defined anew with a copy. What was moved stays moved; a disk that is not leaves nothing at the new place. What a
/// process that dies has left, <see cref="Repair.OperationRepair"/> removes by the journal.
/// </summary>
/// <param name="vm">The VM.</param>
/// <param name="pool">The storage pool.</param>
/// <param name="keepSource">What the VM has had stays.</param>
/// <param name="time">The clock.</param>
public sealed class DiskMove(KumoiVM vm, string pool, bool keepSource, TimeProvider time)
{
    internal const string DisksProperty = "disks";
    internal const string KeepProperty = "keepSource";

    private readonly OperationId _operation = OperationId.New();

    /// <summary>Moves those that are asked for, and that are not there already.</summary>
    /// <param name="targets">The disks that are asked for, by their names in the VM; none: all that it writes to.</param>
    /// <param name="progressOf">Who is told how far a disk is; null: nobody.</param>
    /// <param name="cancellationToken">The VM goes on with the disk that it has.</param>
    /// <exception cref="HypervisorException">
    /// InvalidState: the VM has snapshots or a saved state, which name its images. StorageFailed: no such pool, no room, a volume of that
    /// name. Of a volume that may be left it is told by <see cref="CallWarnings"/>.
    /// </exception>
    public async Task<KumoiVM> RunAsync(
        IReadOnlyCollection<string> targets, Func<string, IProgress<CopyProgress>>? progressOf, CancellationToken cancellationToken)
    {
        var host = vm.Connection;
        var moves = await PlanAsync(targets, cancellationToken);
        if (moves.Count == 0)
        {
            return await VMActions.ReadAgainAsync(vm, cancellationToken);
        }

        var journal = host.Journal ?? throw new HypervisorException(
            "A move of disks needs a journal.", error: HypervisorError.NotSupported, recommendedAction: "Give the fleet a journal.");
        journal.Keep(await journal.OpenAsync(cancellationToken));
        using var underWay = OperationsUnderWay.Enter(_operation);
        var begun = await journal.BeginAsync(Intent(moves), cancellationToken);
        string? left = null;
        try
        {
            foreach (var move in moves)
            {
                left = await MoveAsync(move, progressOf?.Invoke(move.Copy.Target), cancellationToken) ?? left;
            }
        }
        catch (HypervisorException e) when (e.OutcomeUnknown)
        {
            throw new HypervisorException(
                e.Message, e.FaultDomain, e.IsTransient, outcomeUnknown: true, e.Error, e.NativeCode,
                $"When the host answers: Repair-KumoiOperation {_operation.Value:D}. Remove no disk before.", e);
        }
        catch (Exception e) when (e is HypervisorException or OperationCanceledException)
        {
            await journal.EndAsync(begun, new OperationOutcome(OperationState.Failed, time.GetUtcNow(), e.Message));
            throw;
        }

        await journal.EndAsync(begun, new OperationOutcome(OperationState.Succeeded, time.GetUtcNow()));
        if (left is not null)
        {
            CallWarnings.Tell($"'{vm.Name}' has its disks in '{pool}', and what it has had on {vm.VMHost} stays: {left}.");
        }

        return await VMActions.ReadAgainAsync(vm, CancellationToken.None);
    }

    /// <summary>One disk, and the volume that it is before.</summary>
    /// <param name="Copy">Where it goes.</param>
    /// <param name="Old">Null: it is in no active storage pool.</param>
    /// <param name="ModifiedAt">When that was last written to.</param>
    private sealed record Move(DiskCopy Copy, DiskRemains.Place? Old, string? ModifiedAt)
    {
        public DiskRemains.Place New => new(Copy.Pool, Copy.VolumeName, Copy.TargetPath);
    }

    private async Task<List<Move>> PlanAsync(IReadOnlyCollection<string> targets, CancellationToken cancellationToken)
    {
        var host = vm.Connection;
        if (await host.Link.SendAsync(new FindHostBoundState(vm.Id), cancellationToken) is { } bound)
        {
            throw new HypervisorException(
                $"'{vm.Name}' has {bound}, which would be of no use when its disks are elsewhere.", FaultDomain.VM,
                error: HypervisorError.InvalidState,
                recommendedAction: "Remove the snapshots (Remove-KumoiSnapshot), or start the VM, which goes on from its saved state.");
        }

        var domain = DomainDefinition.Parse(await host.Link.SendAsync(new ReadXml(vm.Id), cancellationToken));
        var copied = StorageMoves.Copied(domain).Select(DiskDefinition.TargetOf).ToHashSet(StringComparer.Ordinal);
        if (targets.FirstOrDefault(target => !copied.Contains(target)) is { } other)
        {
            throw DiskDefinition.NoDisk($"'{vm.Name}' has no disk '{other}' that it alone writes to.");
        }

        copied.RemoveWhere(target => targets.Count > 0 && !targets.Contains(target));
        var pools = await host.Link.SendAsync(new ReadStorage(), cancellationToken);
        var there = pools.FirstOrDefault(one => one.Name == pool)?.Path is { } path ? ImagePath.Normalize(path) : null;
        var disks = (await host.Link.SendAsync(new ReadDisks(vm.Id), cancellationToken)).Where(
            disk => copied.Contains(disk.Target) && ImagePath.DirectoryOf(disk.Path!) != there).ToList();
        var moved = disks.Select(static disk => disk.Target).ToHashSet(StringComparer.Ordinal);
        var refused = StorageMoves.Judge(domain, "to another storage pool", moved);
        var (copies, obstacles) = StorageMoves.Place(vm.Name, host.Name, disks, pools, pool);
        if (refused.Concat(obstacles).FirstOrDefault() is { } first)
        {
            throw first.ToException(FaultDomain.VM);
        }

        var volumes = new Dictionary<string, VolumeReading>(StringComparer.Ordinal);
        foreach (var one in pools.Where(static one => one.IsActive))
        {
            foreach (var volume in await host.Link.SendAsync(new ReadVolumes(one.Name), cancellationToken))
            {
                volumes.TryAdd(ImagePath.Normalize(volume.Path), volume);
            }
        }

        return
        [
            .. copies.Select(copy => volumes.TryGetValue(ImagePath.Normalize(copy.TargetPath), out _)
                ? throw VolumeDefinition.Exists(host.Name, pool, copy.VolumeName)
                : volumes.GetValueOrDefault(ImagePath.Normalize(copy.Path)) is { } old
                ? new Move(copy, new DiskRemains.Place(old.Pool, old.Name, copy.Path), old.ModifiedAt)
                : new Move(copy, null, null)),
        ];
    }

    /// <summary>Moves one. Gives why what the VM has had stays; null: it is gone, or was to stay.</summary>
    private async Task<string?> MoveAsync(Move move, IProgress<CopyProgress>? progress, CancellationToken cancellationToken)
    {
        var (link, copy) = (vm.Connection.Link, move.Copy);
        var isOff = (await VMActions.ReadAgainAsync(vm, cancellationToken)).State is PowerState.Shutoff;
        if (isOff && (move.Old is null || move.ModifiedAt is null || copy.Path.StartsWith("/dev/", StringComparison.Ordinal)))
        {
            throw new HypervisorException(
                $"'{copy.Path}', the disk '{copy.Target}' of '{vm.Name}', is no file of an active storage pool: while the VM is off, it "
                    + "cannot be moved.",
                FaultDomain.VM, error: HypervisorError.InvalidSpecification,
                recommendedAction: "Move it while the VM runs, or make a storage pool of its directory with New-KumoiPool.");
        }

        var isMade = false;
        try
        {
            // Not to be cancelled where it is short: what it had made then, nobody would know.
            _ = isOff
                ? await link.SendAsync(
                    new CopyVolume(move.Old!.Value.Pool, move.Old.Value.Volume, copy.Pool, copy.VolumeName)
                    {
                        Operation = _operation,
                        SourceFormat = copy.Format,
                        Format = copy.Format,
                    },
                    cancellationToken)
                : await link.SendAsync(
                    new CreateVolume(copy.Pool, copy.VolumeName, copy.Format, copy.CapacityBytes) { Operation = _operation },
                    CancellationToken.None);
            isMade = true;
            await link.SendAsync(
                new SwitchDisk(vm.Id, copy.Target, copy.Path, copy.TargetPath, copy.Format)
                {
                    Operation = _operation,
                    ModifiedAt = move.ModifiedAt,
                    Progress = progress,
                },
                cancellationToken);
        }
        catch (Exception e) when (isMade && e is OperationCanceledException or HypervisorException { OutcomeUnknown: false })
        {
            // Of a disk that has gone over after all the host refuses it.
            if (await DiskRemains.RemoveAllAsync(vm.Connection, [move.New], _operation, time, isOwn: true) is { } why)
            {
                CallWarnings.Tell($"What was made for '{copy.Target}' of '{vm.Name}' on {vm.VMHost} may be there still: {why}.");
            }

            throw;
        }

        return keepSource ? null
            : move.Old is { } old ? await DiskRemains.RemoveAllAsync(vm.Connection, [old], _operation, time)
            : $"'{copy.Path}' is in no active storage pool, and Kumoi deletes nothing else";
    }

    private OperationIntent Intent(IReadOnlyList<Move> moves) => new()
    {
        Id = _operation.Value,
        Kind = OperationKind.MoveStorage,
        VMHost = vm.Connection.Name,
        IsSimulated = vm.Connection.IsSimulated,
        VMId = vm.Id,
        VM = vm.Name,
        StartedAt = time.GetUtcNow(),
        Details = new JsonObject
        {
            [DisksProperty] = new JsonArray(
            [
                .. moves.Select(static move => (JsonNode)new JsonObject
                {
                    ["target"] = move.Copy.Target,
                    ["from"] = move.Copy.Path,
                    ["old"] = move.Old is { } old ? DiskRemains.ToJson([old]) : null,
                    ["new"] = DiskRemains.ToJson([move.New]),
                }),
            ]),
            [KeepProperty] = keepSource,
        }.ToJsonString(),
    };
}
