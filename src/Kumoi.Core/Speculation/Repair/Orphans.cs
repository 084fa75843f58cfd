using System.Text.Json.Nodes;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Journal;

namespace Kumoi.Speculation.Repair;

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
            foreach (var marked in await host.Link.SendAsync(new ReadMarked(), cancellationToken))
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
        Fleet fleet, KumoiOperation operation, Func<KumoiConnection, Task<VMWhereabouts>> read, CancellationToken cancellationToken)
    {
        var plan = RepairPlan.Of(operation);
        var places = new Dictionary<string, VMWhereabouts>(StringComparer.Ordinal);
        foreach (var name in plan.Candidates.Append(plan.Home).OfType<string>().Distinct())
        {
            var place = fleet.Find(name) is { } host ? await read(host) : VMWhereabouts.Unknown;
            if (place is VMWhereabouts.Unknown)
            {
                return (null, false, $"without the journal every host of the operation must answer, and {name} does not.");
            }

            places[name] = place;
        }

        var marks = await ReadMarksAsync(fleet, operation, places.Keys, cancellationToken);
        if (marks.FirstOrDefault(mark => !IsOf(operation, plan, mark.Value)).Key is { } other)
        {
            return (null, false,
                $"the mark of the copy of '{operation.VM}' on {other} contradicts those on other hosts: it is not known which is true.");
        }

        var running = places.Where(place => place.Value is VMWhereabouts.Running).Select(place => place.Key).ToList();
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
            // Those whose copies were let run, or were about to be.
            var named = marks.Where(mark => mark.Value.IsNamed).Select(mark => mark.Key).ToList();
            return named.Count > 1
                ? (null, false,
                    $"'{operation.VM}' may have run on {string.Join(" and on ", named)}. Remove the copies that are not wanted.")
                : (named.SingleOrDefault(), false, null);
        }

        var taken = places.Where(place => place.Key != plan.Home && place.Value is VMWhereabouts.Paused or VMWhereabouts.Off).ToList();
        return taken switch
        {
            [] => (null, false, null),
            [{ Value: VMWhereabouts.Paused } one] => (one.Key, true, null),
            [var one] when places[plan.Home!] is VMWhereabouts.Absent => (one.Key, false, null),
            _ => (null, false, $"without the journal nobody knows which copy of '{operation.VM}' is the one: "
                + $"{string.Join(", ", places.Select(place => $"{place.Key} has it {place.Value}"))}."),
        };
    }

    /// <summary>What the VM's copies on these hosts tell of the operation.</summary>
    private static async Task<Dictionary<string, SpeculationMark>> ReadMarksAsync(
        Fleet fleet, KumoiOperation operation, IEnumerable<string> hosts, CancellationToken cancellationToken)
    {
        var marks = new Dictionary<string, SpeculationMark>(StringComparer.Ordinal);
        foreach (var host in hosts)
        {
            var marked = await fleet.Find(host)!.Link.SendAsync(new ReadMarked(), cancellationToken);
            if (marked.FirstOrDefault(vm => vm.Id == operation.VMId && vm.Mark.Operation.Value == operation.Id) is { } one)
            {
                marks[host] = one.Mark;
            }
        }

        return marks;
    }

    /// <summary>A host can write into a mark what it likes: it counts only as far as the other copies say the same.</summary>
    private static bool IsOf(KumoiOperation operation, RepairPlan plan, SpeculationMark mark) =>
        mark.IsStart == (operation.Kind is OperationKind.SpeculativeStart)
        && mark.Home == plan.Home
        && mark.Candidates.SequenceEqual(plan.Candidates, StringComparer.Ordinal)
        && OwnerOf(mark) == operation.Owner;

    private static OperationOwner OwnerOf(SpeculationMark mark) => OperationOwner.TryParse(mark.Controller)
        ?? new OperationOwner(0, default, "", "");

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
        Owner = OwnerOf(marked.Mark),
    };
}
