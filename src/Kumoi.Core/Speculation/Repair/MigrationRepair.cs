using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Speculation.Repair;

/// <summary>
/// Finishes, or takes back, a migration to several targets. Where the named target has the VM, in whatever state, that is the VM, and what
/// the source holds is left over. What the source holds is removed only then, and only if it carries the operation's mark, or a migration
/// holds it.
/// </summary>
/// <param name="fleet">The hosts.</param>
/// <param name="operation">The operation.</param>
/// <param name="plan">What it was going to do.</param>
/// <param name="time">The clock.</param>
internal sealed class MigrationRepair(Fleet fleet, KumoiOperation operation, RepairPlan plan, TimeProvider time)
{
    private readonly Guid _id = operation.VMId!.Value;
    private readonly OperationId _operation = new(operation.Id);

    /// <summary>The journal has it, so that nobody has invented it.</summary>
    private bool IsJournaled => operation.Sequence > 0;

    /// <summary>Null as the end: it is unfinished still.</summary>
    /// <param name="named">The target that may have started it, and was not proven to have no copy since.</param>
    /// <param name="isMoved">The VM was seen to run there.</param>
    /// <param name="cancellationToken">What was done stays.</param>
    public async Task<(RepairResult Result, OperationState? End)> RepairAsync(
        string? named, bool isMoved, CancellationToken cancellationToken)
    {
        if (fleet.Find(operation.VMHost) is not { } source)
        {
            return Nothing($"{operation.VMHost}, where '{operation.VM}' was, is not connected: connect it first.");
        }

        if (named is null)
        {
            return await TakeBackAsync(source, mayHaveGoneOn: !IsJournaled, "no target had been named", cancellationToken);
        }

        if (fleet.Find(named) is not { } winner)
        {
            return Nothing($"'{operation.VM}' may run on {named}, which is not connected: connect it first.");
        }

        // Once it was seen to run there, a definition is the VM's, whatever has become of its mark.
        var place = isMoved ? await PlaceAsync(winner, cancellationToken)
            : await ReplicaRemains.ReadCopyAsync(winner, _id, _operation, time, cancellationToken);
        return place switch
        {
            VMWhereabouts.Unknown => Nothing(
                $"'{operation.VM}' runs on {named} or nowhere, and {named} does not answer: nothing is started until it does, or "
                    + "is known to be off."),
            VMWhereabouts.MigrationPaused or VMWhereabouts.Stopping =>
                Nothing($"{named} is still starting or stopping '{operation.VM}': try again in a moment."),
            VMWhereabouts.Absent when isMoved => await LeaveAsync(source, winner, cancellationToken),

            // It may have been started there and have gone on since, to whatever host.
            VMWhereabouts.Absent => await TakeBackAsync(source, mayHaveGoneOn: true, $"it did not start on {named}", cancellationToken),
            _ => await FinishAsync(source, winner, place, cancellationToken),
        };
    }

    /// <summary>The winner has the VM: what the source and the others hold is left over.</summary>
    private async Task<(RepairResult Result, OperationState? End)> FinishAsync(
        KumoiConnection source, KumoiConnection winner, VMWhereabouts atWinner, CancellationToken cancellationToken)
    {
        var letRun = plan.IsStrict && !plan.WasPaused && atWinner is VMWhereabouts.Paused;
        var atSource = await PlaceAsync(source, cancellationToken);
        if (atSource is VMWhereabouts.Unknown)
        {
            return Nothing(letRun
                ? $"'{operation.VM}' stays paused on {winner} until {source}, which does not answer, has nothing of it. If {source} is off "
                    + "for good, resume it."
                : $"'{operation.VM}' {WordOf(atWinner)} on {winner}; {source} does not answer, and holds a paused copy that "
                    + "must be removed there.");
        }

        if (atSource is VMWhereabouts.Running)
        {
            return Nothing($"'{operation.VM}' {WordOf(atWinner)} on {winner}, and runs on {source}: somebody has resumed or started it "
                + "there. Stop the one that is not wanted, at once.");
        }

        // No two hosts can be looked at in one moment; this is as near as it gets.
        if (await PlaceAsync(winner, cancellationToken) is VMWhereabouts.Absent or VMWhereabouts.Unknown)
        {
            return Nothing($"'{operation.VM}' was on {winner} a moment ago, and is no longer there: somebody is working on it. Try again.");
        }

        List<VMWhereabouts> leftOver = [VMWhereabouts.MigrationPaused, VMWhereabouts.Stopping, VMWhereabouts.Off];
        if (plan.WasPaused)
        {
            leftOver.Add(VMWhereabouts.Paused);
        }

        await ReplicaRemains.UnlessGoneAsync(
            source, new RemoveCopy(_id, new CopyRemoval(_operation, 0, leftOver, CopyRemovalKind.Undefine) { MayLackMark = IsJournaled }),
            cancellationToken);
        atSource = await PlaceAsync(source, cancellationToken);
        if (atSource is not (VMWhereabouts.Absent or VMWhereabouts.Off)
            || (atSource is VMWhereabouts.Off && await ReplicaRemains.CarriesAsync(source, _id, _operation, cancellationToken)))
        {
            return Nothing(
                $"'{operation.VM}' {WordOf(atWinner)} on {winner}, and {source} has it too ({atSource}). Somebody may have put it there, "
                    + "so it is not touched. "
                + $"Look at both, and remove the one on {source} if it is not wanted.");
        }

        var unreachable = await CleanAsync(winner, cancellationToken);
        if (letRun && await ReplicaRemains.CarriesAsync(winner, _id, _operation, cancellationToken))
        {
            await winner.Link.SendAsync(new ResumeVM(_id), cancellationToken);
        }

        await TryUnmarkAsync(winner, cancellationToken);
        return Ended(
            $"'{operation.VM}' {WordOf(await PlaceAsync(winner, cancellationToken))} on {winner}. "
            + (atSource is VMWhereabouts.Absent ? $"{source} holds no copy of it any more."
                : $"{source} has a definition of it, which is not of this migration, and stays."),
            winner, OperationState.Succeeded, unreachable);
    }

    /// <summary>
    /// It was on the winner, and is not any more: whatever there is elsewhere is somebody's doing since, or from before.
    /// </summary>
    private async Task<(RepairResult Result, OperationState? End)> LeaveAsync(
        KumoiConnection source, KumoiConnection winner, CancellationToken cancellationToken)
    {
        var place = await PlaceAsync(source, cancellationToken);
        if (place is VMWhereabouts.Unknown)
        {
            return Nothing($"'{operation.VM}' was on {winner}, which no longer has it, and {source} does not answer.");
        }

        if (place is not (VMWhereabouts.Absent or VMWhereabouts.Running)
            && (await ReplicaRemains.FindMarkAsync(source, _id, _operation, cancellationToken))?.Replica == 0)
        {
            return Nothing(
                $"'{operation.VM}' ran on {winner}, which no longer has it. {source} holds an older copy ({place}), which is neither "
                    + "resumed nor removed. "
                + $"Find out where the VM went; then resume, start or remove the copy on {source}.");
        }

        var unreachable = await CleanAsync(winner, cancellationToken);
        await TryUnmarkAsync(source, cancellationToken);
        return Ended(
            $"'{operation.VM}' moved to {winner}, and is no longer there: "
                + $"{(place is VMWhereabouts.Absent ? $"{source} has nothing of it either" : $"it {WordOf(place)} on {source}")}.",
            place is VMWhereabouts.Absent ? null : source, OperationState.Succeeded, unreachable);
    }

    /// <summary>No target runs it, and none can: the source goes on.</summary>
    /// <param name="source">Where it was.</param>
    /// <param name="mayHaveGoneOn">
    /// It may have been started on a target, and somebody may have moved it on from there to any host.
    /// </param>
    /// <param name="why">No target has it.</param>
    /// <param name="cancellationToken">What was done stays.</param>
    private async Task<(RepairResult Result, OperationState? End)> TakeBackAsync(
        KumoiConnection source, bool mayHaveGoneOn, string why, CancellationToken cancellationToken)
    {
        var place = await PlaceAsync(source, cancellationToken);
        if (place is VMWhereabouts.Unknown or VMWhereabouts.Stopping)
        {
            return Nothing($"{why}, and {source} {(place is VMWhereabouts.Unknown ? "does not answer" : "is stopping it")}: "
                + $"'{operation.VM}' may be paused there.");
        }

        if (await FindElsewhereAsync(source, mayHaveGoneOn, cancellationToken) is { } elsewhere)
        {
            return Nothing($"{why}, {elsewhere}");
        }

        if (place is VMWhereabouts.MigrationPaused
            && (await ReplicaRemains.FindMarkAsync(source, _id, _operation, cancellationToken))?.Replica != 0)
        {
            return Nothing($"{why}, and '{operation.VM}' is held on {source} by another migration, which is not touched.");
        }

        var unreachable = place is VMWhereabouts.Absent ? [] : await CleanAsync(null, cancellationToken);
        if (place is VMWhereabouts.MigrationPaused && !plan.WasPaused)
        {
            // A copy that somebody has let run before it was removed was not removed.
            if (await FindElsewhereAsync(source, mayHaveGoneOn, cancellationToken) is { } meanwhile)
            {
                return Nothing($"{why}, {meanwhile}");
            }

            await source.Link.SendAsync(new ResumeVM(_id), cancellationToken);
        }

        await TryUnmarkAsync(source, cancellationToken);
        return Ended(
            place switch
            {
                VMWhereabouts.Absent => $"{why}, and {source} has no '{operation.VM}' any more.",
                VMWhereabouts.MigrationPaused =>
                    $"'{operation.VM}' {(plan.WasPaused ? "is paused, as it was," : "goes on")} on {source}: {why}.",
                _ => $"'{operation.VM}' is on {source}: {why}.",
            },
            place is VMWhereabouts.Absent ? null : source, OperationState.Failed, unreachable);
    }

    /// <summary>Why the source must not go on: another host has the VM, or may have it. Null: none has.</summary>
    private async Task<string?> FindElsewhereAsync(KumoiConnection source, bool mayHaveGoneOn, CancellationToken cancellationToken)
    {
        var hosts = mayHaveGoneOn ? fleet.Hosts.Where(host => host.IsSimulated == source.IsSimulated) : plan.Candidates.Select(fleet.Find)
            .OfType<KumoiConnection>();
        var others = hosts.Where(host => !ReferenceEquals(host, source)).ToList();
        foreach (var (host, place) in await Task.WhenAll(others.Select(async host => (host, await PlaceAsync(host, cancellationToken)))))
        {
            switch (place)
            {
                case VMWhereabouts.Running or VMWhereabouts.Paused:
                    return $"and yet '{operation.VM}' {WordOf(place)} on {host}: somebody else has moved or started it.";
                case VMWhereabouts.Unknown when mayHaveGoneOn:
                    return $"and {host}, to which '{operation.VM}' may have been moved on, does not answer. Disconnect it if "
                        + "it is off for good.";
                case VMWhereabouts.Off when await ReplicaRemains.CarriesAsync(host, _id, _operation, cancellationToken):
                    return $"and yet {host} has '{operation.VM}', off: it has gone there from a target. Remove the one that is not wanted.";
            }
        }

        return null;
    }

    /// <summary>
    /// Removes this operation's copies that were never started: a migration holds them, and they carry its mark with the host's number.
    /// Returns the hosts that do not answer.
    /// </summary>
    private async Task<IReadOnlyList<string>> CleanAsync(KumoiConnection? winner, CancellationToken cancellationToken)
    {
        var unreachable = new List<string>();
        foreach (var (name, number) in plan.Candidates.Select((name, i) => (name, i + 1))
            .Where(candidate => candidate.name != winner?.Name))
        {
            if (fleet.Find(name) is not { } candidate || await PlaceAsync(candidate, cancellationToken) is VMWhereabouts.Unknown)
            {
                unreachable.Add(name);
                continue;
            }

            await ReplicaRemains.UnlessGoneAsync(
            candidate, new RemoveCopy(_id, new CopyRemoval(_operation, number, [VMWhereabouts.MigrationPaused], CopyRemovalKind.Undefine)),
            cancellationToken);
        }

        return unreachable;
    }

    private async Task TryUnmarkAsync(KumoiConnection host, CancellationToken cancellationToken)
    {
        try
        {
            await ReplicaRemains.UnmarkAsync(host, _id, _operation, cancellationToken);
        }
        catch (HypervisorException)
        {
            // A mark does no harm.
        }
    }

    private Task<VMWhereabouts> PlaceAsync(KumoiConnection host, CancellationToken cancellationToken) =>
        ReplicaRemains.ReadPlaceAsync(host, _id, time, cancellationToken);

    private static string WordOf(VMWhereabouts place) => place switch
    {
        VMWhereabouts.Running => "runs",
        VMWhereabouts.Off => "is off",
        VMWhereabouts.Paused => "is paused",
        _ => $"is {place}",
    };

    private (RepairResult Result, OperationState? End) Ended(
        string message, KumoiConnection? host, OperationState state, IReadOnlyList<string> unreachable) =>
        (new RepairResult { Operation = operation, IsRepaired = true, VMHost = host?.Name, Message = message, Unreachable = unreachable },
            state);

    private (RepairResult Result, OperationState? End) Nothing(string message) =>
        (new RepairResult { Operation = operation, IsRepaired = false, Message = message }, null);
}
