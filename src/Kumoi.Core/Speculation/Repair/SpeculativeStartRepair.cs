using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Speculation.Repair;

/// <summary>
/// Finishes, or takes back, the start of a VM on one of several hosts. A copy that was never let run is removed; the one host that was
/// named before its copy was let run keeps it, whatever it has by now.
/// </summary>
/// <param name="fleet">The hosts.</param>
/// <param name="operation">The operation.</param>
/// <param name="candidates">The names of the hosts that it tried.</param>
/// <param name="homeName">The name of the host that had the VM, off; null: it was made.</param>
/// <param name="time">The clock.</param>
internal sealed class SpeculativeStartRepair(
    Fleet fleet, KumoiOperation operation, IReadOnlyList<string> candidates, string? homeName, TimeProvider time)
{
    private readonly Guid _id = operation.VMId!.Value;
    private readonly OperationId _operation = new(operation.Id);

    /// <summary>Null as the end: it is unfinished still.</summary>
    /// <param name="named">The host that may have been let run it, and was not proven to have no copy since.</param>
    /// <param name="cancellationToken">What was done stays.</param>
    public async Task<(RepairResult Result, OperationState? End)> RepairAsync(string? named, CancellationToken cancellationToken)
    {
        var home = homeName is null ? null : fleet.Find(homeName);
        if (homeName is not null && home is null)
        {
            return Nothing($"{homeName}, where '{operation.VM}' was, is not connected: connect it first.");
        }

        if (named is null)
        {
            return await TakeBackAsync(home, "no host had been named", cancellationToken);
        }

        if (fleet.Find(named) is not { } winner)
        {
            return Nothing($"'{operation.VM}' may run on {named}, which is not connected: connect it first.");
        }

        switch (await PlaceAsync(winner, cancellationToken))
        {
            case VMWhereabouts.Unknown:
                return Nothing($"'{operation.VM}' runs on {named} or nowhere, and {named} does not answer: it is started nowhere else "
                    + "until it does, or is known to be off.");
            case VMWhereabouts.MigrationPaused or VMWhereabouts.Stopping:
                return Nothing($"{named} is still starting or stopping '{operation.VM}': try again in a moment.");
            case VMWhereabouts.Absent:
                return await TakeBackAsync(home, $"{named} has no copy of it", cancellationToken);
            default:
                return await FinishAsync(home, winner, cancellationToken);
        }
    }

    /// <summary>
    /// The winner has the VM. What is elsewhere goes first, so that nobody can start it there, and only then a winner that is paused is let
    /// run.
    /// </summary>
    private async Task<(RepairResult Result, OperationState? End)> FinishAsync(
        KumoiConnection? home, KumoiConnection winner, CancellationToken cancellationToken)
    {
        var isElsewhere = home is not null && !ReferenceEquals(home, winner);
        if (isElsewhere && await PlaceAsync(home!, cancellationToken) is VMWhereabouts.Running)
        {
            return Nothing($"'{operation.VM}' is on {winner}, and runs on {home} too: somebody has started it there. Stop the one that is "
                + "not wanted, at once.");
        }

        var left = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (isElsewhere)
        {
            await TryAsync(
                left, home!.Name, () => ReplicaRemains.RemoveHomeAsync(home, _id, _operation, cancellationToken), cancellationToken);
        }

        await CleanAsync(left, winner, cancellationToken);
        if (await PlaceAsync(winner, cancellationToken) is VMWhereabouts.Paused
            && await ReplicaRemains.CarriesAsync(winner, _id, _operation, cancellationToken))
        {
            foreach (var other in candidates.Append(homeName).OfType<string>().Select(fleet.Find).OfType<KumoiConnection>()
                .Where(other => !ReferenceEquals(other, winner)))
            {
                var place = await PlaceAsync(other, cancellationToken);
                if (place is VMWhereabouts.Running || (place is VMWhereabouts.Unknown && ReferenceEquals(other, home)))
                {
                    return Nothing($"'{operation.VM}' is paused on {winner}, and {other} "
                        + $"{(place is VMWhereabouts.Running ? "runs it" : "does not answer")}: it is not resumed.");
                }
            }

            // It was named, and so it may have run: letting it run loses nothing, removing it could.
            await winner.Link.SendAsync(new ResumeVM(_id) { Operation = _operation }, cancellationToken);
        }

        await TryAsync(left, winner.Name, () => ReplicaRemains.UnmarkAsync(winner, _id, _operation, cancellationToken), cancellationToken);
        var now = await PlaceAsync(winner, cancellationToken);
        var word = now is VMWhereabouts.Running ? "runs" : now is VMWhereabouts.Paused ? "is paused" : "is off";
        return Ended($"'{operation.VM}' {word} on {winner}.", winner.Name, OperationState.Succeeded, left);
    }

    /// <summary>No host has let it run: the VM is as it was before the operation.</summary>
    private async Task<(RepairResult Result, OperationState? End)> TakeBackAsync(
        KumoiConnection? home, string why, CancellationToken cancellationToken)
    {
        foreach (var candidate in candidates.Select(fleet.Find).OfType<KumoiConnection>())
        {
            if (await PlaceAsync(candidate, cancellationToken) is VMWhereabouts.Running)
            {
                return Nothing($"{why}, and yet '{operation.VM}' runs on {candidate}: somebody else has started it.");
            }
        }

        var left = new SortedDictionary<string, string>(StringComparer.Ordinal);
        await CleanAsync(left, null, cancellationToken);
        if (home is not null)
        {
            await TryAsync(left, home.Name, () => ReplicaRemains.UnmarkAsync(home, _id, _operation, cancellationToken), cancellationToken);
        }

        return Ended(
            home is null ? $"'{operation.VM}' was not made: {why}." : $"'{operation.VM}' is off on {home}: {why}.", home?.Name,
            OperationState.Failed, left);
    }

    private (RepairResult Result, OperationState? End) Ended(
        string message, string? vmHost, OperationState state, SortedDictionary<string, string> left) => (
        new RepairResult
        {
            Operation = operation,
            IsRepaired = left.Count == 0,
            VMHost = vmHost,
            Message = left.Count == 0 ? message
                : $"{message} Something may be left, which cannot start by itself: "
                    + $"{string.Join("; ", left.Select(one => $"{one.Key}: {one.Value}"))} Repair it again when that answers.",
            Unreachable = [.. left.Keys],
        },
        left.Count == 0 ? state : null);

    private async Task CleanAsync(SortedDictionary<string, string> left, KumoiConnection? winner, CancellationToken cancellationToken)
    {
        foreach (var (name, number) in candidates.Select((name, i) => (name, i + 1)).Where(candidate => candidate.name != winner?.Name))
        {
            if (fleet.Find(name) is not { } candidate)
            {
                left[name] = "it is not connected.";
                continue;
            }

            await TryAsync(
                left, name, () => ReplicaRemains.RemoveAsync(candidate, name == homeName ? 0 : number, _id, _operation, cancellationToken),
                cancellationToken);
        }
    }

    private static async Task TryAsync(
        SortedDictionary<string, string> left, string host, Func<Task> removal, CancellationToken cancellationToken)
    {
        try
        {
            await removal();
        }
        catch (HypervisorException e) when (!cancellationToken.IsCancellationRequested)
        {
            left[host] = e.Message;
        }
    }

    private Task<VMWhereabouts> PlaceAsync(KumoiConnection host, CancellationToken cancellationToken) =>
        ReplicaRemains.ReadPlaceAsync(host, _id, time, cancellationToken);

    private (RepairResult Result, OperationState? End) Nothing(string message) =>
        (new RepairResult { Operation = operation, IsRepaired = false, Message = message }, null);
}
