using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Speculation.Repair;

/// <summary>
/// Looks for what needs an admin: VMs that run on two hosts, disks that two VMs write to, VMs that a migration has left, marks that an
/// operation has left. It changes nothing. A host that cannot be read is told: that it has none of these is never claimed.
/// </summary>
/// <param name="fleet">The fleet.</param>
/// <param name="journal">Of the operations that are under way; null: there is none yet.</param>
/// <param name="time">The clock.</param>
public sealed class ConflictSearch(Fleet fleet, IJournal? journal, TimeProvider time)
{
    private readonly List<KumoiConflict> _found = [];
    private readonly List<(KumoiConnection Host, Exception Error)> _unread = [];

    /// <summary>The hosts that could not be read, or not wholly, and why.</summary>
    public IReadOnlyList<(KumoiConnection Host, Exception Error)> Unread => _unread;

    /// <summary>Searches once, all hosts at a time.</summary>
    /// <param name="hosts">Where to look; null: everywhere, and hosts that could not be connected are told.</param>
    /// <param name="limit">How many hosts are read at a time.</param>
    /// <param name="cancellationToken">Nothing was changed.</param>
    /// <exception cref="JournalException">The journal cannot be read: nobody knows which operations are under way.</exception>
    public async Task<IReadOnlyList<KumoiConflict>> FindAsync(
        IReadOnlyList<KumoiConnection>? hosts, int limit, CancellationToken cancellationToken)
    {
        // Under several names it is one host, and its VMs are no copies of each other.
        var distinct = (hosts ?? fleet.Hosts).DistinctBy(host => host.Uri, StringComparer.Ordinal).ToList();
        var read = new List<HostSurvey>();
        await foreach (var outcome in FanOut.RunAsync(distinct, limit, HostSurvey.ReadAsync, cancellationToken))
        {
            if (outcome.Succeeded)
            {
                if (read.Exists(other => other.Id == outcome.Result.Id))
                {
                    continue; // the same host, by another way
                }

                read.Add(outcome.Result);
                foreach (var problem in outcome.Result.Problems)
                {
                    NotRead(outcome.Element, problem);
                }
            }
            else
            {
                NotRead(outcome.Element, outcome.Error!);
            }
        }

        foreach (var host in hosts is null ? fleet.Unconnected : [])
        {
            Add(ConflictKind.NotRead, [], $"{host.Name} could not be connected, and was not read: {host.Error.Message}",
                $"Connect it, and look again; or leave it out for good: Disconnect-KumoiHost {host.Name}", hosts: [host.Name]);
        }

        var owned = await ReadOwnedAsync(cancellationToken);
        await FindTwiceRunningAsync(read, cancellationToken);
        FindSharedDisks(read);
        FindAbandoned(read, owned);
        await FindLeftMarksAsync(read, owned, cancellationToken);
        return _found;
    }

    private void NotRead(KumoiConnection host, Exception error)
    {
        _unread.Add((host, error));
        Add(ConflictKind.NotRead, [], $"{host.Name} was not read, or not wholly: {error.Message}",
            "Look again when the host answers: until then nothing is known of it.", hosts: [host.Name]);
    }

    private async Task FindTwiceRunningAsync(List<HostSurvey> read, CancellationToken cancellationToken)
    {
        var several = read.SelectMany(host => host.Live.Where(vm => !host.IsPausedByMigration(vm))).GroupBy(vm => vm.Id)
            .Where(copies => copies.Skip(1).Any());
        foreach (var copies in several.ToList())
        {
            // One that is being moved was here, and then there: only what is still here after the other was seen is there twice.
            var still = new List<KumoiVM>();
            foreach (var copy in copies)
            {
                try
                {
                    if (await FleetReads.ReadVMAsync(copy, cancellationToken) is { } now && now.State.HoldsHost())
                    {
                        still.Add(now);
                    }
                }
                catch (HypervisorException e)
                {
                    NotRead(copy.Connection, e);
                    still.Add(copy);
                }
            }

            if (still.Count > 1)
            {
                Add(
                    ConflictKind.RunsTwice, still,
                    $"'{still[0].Name}' runs on {string.Join(" and on ", still.Select(copy => $"{copy.VMHost} ({copy.State})"))}.",
                    "Stop the copy that is not wanted at once, with Stop-KumoiVM -TurnOff and its -VMHost: both write to the same disks. "
                        + "Then check the disks.", still[0].Id);
            }
        }
    }

    private void FindSharedDisks(List<HostSurvey> read)
    {
        foreach (var uses in read.SelectMany(host => host.Disks).GroupBy(use => use.Image, StringComparer.Ordinal))
        {
            var users = uses.GroupBy(use => use.VM.Key).Select(own => own.OrderByDescending(use => use.Writes).First()).ToList();
            // Copies of one VM are told as such.
            if (users.Any(use => use.Writes) && users.DistinctBy(use => use.VM.Id).Skip(1).Any())
            {
                var who = users.Select(use =>
                    $"'{use.VM.Name}' on {use.VM.VMHost} {(use.Writes ? "writes to" : "has as a backing file")}");
                Add(
                    ConflictKind.SharedDisk, [.. users.Select(use => use.VM)],
                    $"{string.Join(" and ", who)} {users[0].Path}.",
                    "Stop all but one of these VMs. If the disk is meant to be shared, say so in the VMs' XML (<shareable/>).",
                    disk: users[0].Path);
            }
        }
    }

    private void FindAbandoned(List<HostSurvey> read, Owned owned)
    {
        foreach (var vm in read.SelectMany(host => host.Live.Where(host.IsPausedByMigration)).Where(vm => !owned.VMs.Contains(vm.Id)))
        {
            Add(
                ConflictKind.AbandonedMigration, [vm],
                $"'{vm.Name}' on {vm.VMHost} is paused by a migration, and no known operation works on it.",
                "If no other tool is migrating it, find out where the VM is with Get-KumoiVM. If it runs elsewhere, remove this copy; if "
                    + "not, resume it with Resume-KumoiVM.", vm.Id);
        }
    }

    private async Task FindLeftMarksAsync(List<HostSurvey> read, Owned owned, CancellationToken cancellationToken)
    {
        var left = read.SelectMany(host => host.Marked.Select(marked => (host.Host, Marked: marked)))
            .Where(one => !owned.Operations.Contains(one.Marked.Mark.Operation.Value)
                && OperationRepair.IsLeft(Orphans.ToOperation(one.Host, one.Marked))).ToList();
        var known = new Dictionary<Guid, OperationState>();
        if (left.Count > 0 && journal is not null)
        {
            var query = new OperationQuery { Ids = [.. left.Select(one => one.Marked.Mark.Operation.Value).Distinct()] };
            await foreach (var operation in journal.ReadOperationsAsync(query, cancellationToken))
            {
                known[operation.Id] = operation.State;
            }
        }

        foreach (var (host, marked) in left)
        {
            var id = marked.Mark.Operation.Value;
            var state = !known.TryGetValue(id, out var journaled) ? "which the journal does not know"
                : journaled is OperationState.Pending ? "which nobody works on any more"
                : $"which has ended ({journaled})";
            _found.Add(new KumoiConflict
            {
                Kind = ConflictKind.LeftMark,
                VMs = [marked.Name],
                VMHosts = [host.Name],
                VMId = marked.Id,
                OperationId = id,
                Message = $"'{marked.Name}' on {host.Name} carries the mark of operation {id:D}, {state}.",
                RecommendedAction = $"When all its hosts are connected: Repair-KumoiOperation {id:D}",
                At = time.GetUtcNow(),
            });
        }
    }

    /// <summary>What somebody works on: operations that have not ended, of processes that are not known to be dead.</summary>
    private async Task<Owned> ReadOwnedAsync(CancellationToken cancellationToken)
    {
        var owned = new Owned([], []);
        if (journal is null)
        {
            return owned;
        }

        await foreach (var operation in journal.ReadOperationsAsync(
            new OperationQuery { States = [OperationState.Pending] }, cancellationToken))
        {
            if (!OperationRepair.IsLeft(operation))
            {
                owned.Operations.Add(operation.Id);
                if (operation.VMId is { } vm)
                {
                    owned.VMs.Add(vm);
                }
            }
        }

        return owned;
    }

    private void Add(ConflictKind kind, IReadOnlyList<KumoiVM> vms, string message, string action, Guid? id = null, string? disk = null,
        IReadOnlyList<string>? hosts = null) =>
        _found.Add(new KumoiConflict
        {
            Kind = kind,
            VMs = [.. vms.Select(vm => vm.Name)],
            VMHosts = hosts ?? [.. vms.Select(vm => vm.VMHost)],
            VMId = id,
            Disk = disk,
            Message = message,
            RecommendedAction = action,
            At = time.GetUtcNow(),
        });

    private sealed record Owned(HashSet<Guid> Operations, HashSet<Guid> VMs);
}
