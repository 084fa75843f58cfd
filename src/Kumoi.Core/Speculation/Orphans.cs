using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Speculation;

/// <summary>
/// Operations on several hosts that are known from the marks of their VMs only: the journal is gone, or has them as ended. What a journal
/// would tell is read from the hosts, from all of them.
/// </summary>
internal static class Orphans
{
    /// <summary>Those whose marks the hosts have; a host that does not answer fails.</summary>
    public static async Task<List<KumoiOperation>> FindAsync(IEnumerable<KumoiConnection> hosts, CancellationToken cancellationToken)
    {
        var found = new Dictionary<OperationId, KumoiOperation>();
        foreach (var host in hosts)
        {
            foreach (var marked in await host.Link.ReadMarkedAsync(cancellationToken))
            {
                found.TryAdd(marked.Mark.Operation, ToOperation(host, marked));
            }
        }

        return [.. found.Values];
    }

    /// <summary>The host that the VM is on, if the operation has come so far; why nothing can be known.</summary>
    /// <param name="fleet">Must have all hosts of the operation.</param>
    /// <param name="operation">As <see cref="FindAsync"/> gives it.</param>
    /// <param name="read">What a host has of the VM.</param>
    /// <param name="cancellationToken">Nothing was changed.</param>
    public static async Task<(string? Named, bool IsPaused, string? Why)> FindWinnerAsync(
        Fleet fleet, KumoiOperation operation, Func<KumoiConnection, Task<VMPlace>> read, CancellationToken cancellationToken)
    {
        var plan = RepairPlan.Of(operation);
        var places = new Dictionary<string, VMPlace>(StringComparer.Ordinal);
        foreach (var name in plan.Candidates.Append(plan.Home).OfType<string>().Distinct())
        {
            var place = fleet.Find(name) is { } host ? await read(host) : VMPlace.Unknown;
            if (place is VMPlace.Unknown)
            {
                return (null, false, $"without the journal every host of the operation must answer, and {name} does not.");
            }

            places[name] = place;
        }

        var running = places.Where(place => place.Value is VMPlace.Running).Select(place => place.Key).ToList();
        if (running.Count > 1)
        {
            return (null, false, $"'{operation.VM}' runs on {string.Join(" and ", running)}. Stop the one that is not wanted, at once.");
        }

        var isStart = operation.Kind is OperationKind.SpeculativeStart;
        if (running.Count == 1)
        {
            return (isStart || running[0] != plan.Home ? running[0] : null, false, null);
        }

        if (isStart)
        {
            var named = await NamedAsync(fleet, operation, places.Keys, cancellationToken);
            return named.Count > 1
                ? (null, false, $"'{operation.VM}' may have run on {string.Join(" and on ", named)}. Remove the copies that are not wanted.")
                : (named.SingleOrDefault(), false, null);
        }

        var taken = places.Where(place => place.Key != plan.Home && place.Value is VMPlace.Paused or VMPlace.Off).ToList();
        return taken switch
        {
            [] => (null, false, null),
            [{ Value: VMPlace.Paused } one] => (one.Key, true, null),
            [var one] when places[plan.Home!] is VMPlace.Absent => (one.Key, false, null),
            _ => (null, false, $"without the journal nobody knows which copy of '{operation.VM}' is the one: {string.Join(", ", places.Select(place => $"{place.Key} has it {place.Value}"))}."),
        };
    }

    /// <summary>The hosts whose copies were let run, or were about to be.</summary>
    private static async Task<List<string>> NamedAsync(Fleet fleet, KumoiOperation operation, IEnumerable<string> hosts, CancellationToken cancellationToken)
    {
        var named = new List<string>();
        foreach (var host in hosts)
        {
            var marked = await fleet.Find(host)!.Link.ReadMarkedAsync(cancellationToken);
            if (marked.Any(vm => vm.Mark.Operation.Value == operation.Id && vm.Mark.IsNamed))
            {
                named.Add(host);
            }
        }

        return named;
    }

    /// <summary>The operation as its mark tells of it.</summary>
    internal static KumoiOperation ToOperation(KumoiConnection host, MarkedVM marked) => new()
    {
        Sequence = 0,
        Id = marked.Mark.Operation.Value,
        Kind = marked.Mark.IsStart ? OperationKind.SpeculativeStart : OperationKind.SpeculativeMigrate,
        VMHost = marked.Mark.Home ?? host.Name,
        IsSimulated = host.IsSimulated,
        VMId = marked.Id,
        VM = marked.Name,
        StartedAt = default,
        Details = new JsonObject
        {
            ["home"] = marked.Mark.Home,
            ["candidates"] = new JsonArray([.. marked.Mark.Candidates.Select(candidate => new JsonObject { ["name"] = candidate })]),
            ["strict"] = marked.Mark.IsStrict,
        }.ToJsonString(),
        Owner = OperationOwner.TryParse(marked.Mark.Controller) ?? new OperationOwner(0, default, "", ""),
    };
}
