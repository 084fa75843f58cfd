using System.Globalization;
using System.Runtime.CompilerServices;
using Kumoi.FailureOblivious;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Workloads.Usage;

/// <summary>
/// Accounts what VMs use (paper 000, Fig. 21): each cycle reads them all, and tells for each what it has used since it was read last. A VM
/// that could not be read in a cycle is accounted in the next in which it can. Not safe for concurrent use.
/// </summary>
public sealed class UsageMeter(Fleet fleet, WorkloadOptions options, TimeProvider time)
{
    /// <summary>A VM that nobody has accounted for so long begins anew.</summary>
    private static readonly TimeSpan LongestInterval = TimeSpan.FromDays(31);

    /// <summary>Of each VM on each host: two copies of one VM have counters of their own.</summary>
    private readonly Dictionary<VMKey, UsageCounters> _last = [];
    private readonly Dictionary<string, DateTimeOffset> _hostsRead = new(StringComparer.Ordinal);

    /// <summary>All VMs that were there, wanted or not: another one has come since.</summary>
    private readonly HashSet<VMKey> _seen = [];

    /// <summary>What it has gone on from, and up to which event; null: it goes on from nothing.</summary>
    private IJournal? _continued;
    private long _readTo;

    /// <summary>What was read of the hosts to know what is to be looked for; the next cycle begins with it.</summary>
    private List<(KumoiConnection Host, IReadOnlyList<KumoiVM> VMs)>? _ahead;

    /// <summary>What was masked.</summary>
    public MaskLog Log { get; } = new();

    /// <summary>
    /// Goes on from what the journal has, so that what was used since then is accounted in the first cycle, and by one session only: if
    /// another accounts meanwhile, this one goes on from there.
    /// </summary>
    /// <param name="journal">The journal; what follows is accounted there.</param>
    /// <param name="hosts">The hosts of the first cycle. They are read for it now.</param>
    /// <param name="choose">Of all VMs those of the first cycle.</param>
    /// <param name="cancellationToken">Of the reads.</param>
    /// <returns>Whether it has anything.</returns>
    /// <exception cref="HypervisorException">A host could not be read, and failures are not masked.</exception>
    /// <exception cref="JournalException">The journal cannot be read.</exception>
    public async Task<bool> ContinueAsync(
        IJournal journal,
        IReadOnlyList<KumoiConnection> hosts,
        Func<IReadOnlyList<KumoiVM>, IEnumerable<KumoiVM>> choose,
        CancellationToken cancellationToken)
    {
        _continued = journal;
        _ahead = await ReadAsync(hosts, cancellationToken);
        var unknownHosts = hosts.Select(host => host.Name).ToHashSet(StringComparer.Ordinal);
        var unreadHosts = unknownHosts.Except(_ahead.Select(read => read.Host.Name), StringComparer.Ordinal)
            .ToHashSet(StringComparer.Ordinal);
        var wanted = choose([.. _ahead.SelectMany(read => read.VMs)]).Select(vm => vm.Key).ToHashSet();
        var here = new Dictionary<string, HashSet<Guid>>(StringComparer.Ordinal);
        var query = new EventQuery { Kinds = [KumoiEventKind.Usage], NewestFirst = true };
        await foreach (var newest in journal.ReadEventsAsync(query, cancellationToken))
        {
            _readTo = newest.Sequence;
            break;
        }

        var isAnyMissing = true;
        await foreach (var told in journal.ReadEventsAsync(query with { After = time.GetUtcNow() - LongestInterval }, cancellationToken))
        {
            if (told.VMHost is not { } host || (_hostsRead.ContainsKey(host) && !isAnyMissing)
                || UsageRecord.Parse(told.Data) is not { } record)
            {
                continue;
            }

            var seen = record.Seen.Select(id => new VMKey(host, id)).ToList();
            _seen.UnionWith(seen);
            foreach (var (id, counters) in record.Counters)
            {
                _last.TryAdd(new VMKey(host, id), counters);
            }

            if (_hostsRead.TryAdd(host, told.At))
            {
                here[host] = [.. record.Seen];
                unknownHosts.Remove(host);
                if (unreadHosts.Contains(host))
                {
                    // Its VMs cannot be asked for now. Later they may be wanted.
                    wanted.UnionWith(seen);
                }
            }

            // One that was never seen has come since.
            isAnyMissing = wanted.Any(key => _seen.Contains(key) && !_last.ContainsKey(key));
            if (unknownHosts.Count == 0 && !isAnyMissing)
            {
                break;
            }
        }

        // Of a VM that has left a host since, what it has counted elsewhere later holds.
        foreach (var left in _last.Keys.Where(key => !here[key.VMHost].Contains(key.Id)).ToList())
        {
            if (_last.Any(other => other.Key.Id == left.Id && other.Value.At > _last[left].At))
            {
                _last.Remove(left);
            }
        }

        return _hostsRead.Count > 0;
    }

    /// <summary>
    /// Reads all VMs once, and tells what those of each host used. The first cycle tells only of VMs that are known already: of the others
    /// it notes the counters. What is told is in the journal by then.
    /// </summary>
    /// <exception cref="HypervisorException">A host could not be read, and failures are not masked: nothing was accounted.</exception>
    /// <exception cref="JournalException">The journal cannot be written: this host, and those after it, were not accounted.</exception>
    public async IAsyncEnumerable<IReadOnlyList<KumoiUsage>> CycleAsync(
        IReadOnlyList<KumoiConnection> hosts, Func<IReadOnlyList<KumoiVM>, IEnumerable<KumoiVM>> choose,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var read = _ahead ?? await ReadAsync(hosts, cancellationToken);
        _ahead = null;
        var all = read.SelectMany(host => host.VMs).ToList();
        var present = all.Select(vm => vm.Key).ToHashSet();
        // Of all at once: which VM a name means depends on which others there are.
        var wanted = choose(all).ToLookup(vm => vm.Connection);
        foreach (var (host, vms) in read)
        {
            yield return await AccountAsync(host, vms, [.. wanted[host]], present, cancellationToken);
        }
    }

    private async Task<List<(KumoiConnection Host, IReadOnlyList<KumoiVM> VMs)>> ReadAsync(
        IReadOnlyList<KumoiConnection> hosts, CancellationToken cancellationToken)
    {
        var read = new List<(KumoiConnection Host, IReadOnlyList<KumoiVM> VMs)>(hosts.Count);
        await foreach (var outcome in fleet.ReadVMsAsync(hosts, _ => true, includeXml: false, cancellationToken))
        {
            if (outcome.Succeeded)
            {
                read.Add((outcome.Element, outcome.Result));
            }
            else if (options.Mask is not null && outcome.Error is HypervisorException)
            {
                Log.Add(new MaskedObjectFailure(outcome.Element.Name, "Read", "", outcome.Error), outcome.Element.Name);
            }
            else
            {
                throw outcome.Error!;
            }
        }

        return read;
    }

    private async Task<List<KumoiUsage>> AccountAsync(
        KumoiConnection host, IReadOnlyList<KumoiVM> vms, List<KumoiVM> wanted, HashSet<VMKey> present, CancellationToken cancellationToken)
    {
        List<KumoiUsage> usages;
        while (!await TryAppendAsync(host, wanted, vms, usages = UsagesOf(host, wanted, present), cancellationToken))
        {
            // Another session has accounted meanwhile, what this one was about to account perhaps.
            await ReadNewAsync(cancellationToken);
        }

        // Only what is in the journal is accounted.
        foreach (var vm in wanted)
        {
            Note(vm.Key, UsageCounters.Of(vm.Reading));
            foreach (var left in LeftBy(vm.Id, present))
            {
                _last.Remove(left);
            }
        }

        _seen.UnionWith(vms.Select(vm => vm.Key));
        _hostsRead[host.Name] = time.GetUtcNow();
        return usages;
    }

    private List<KumoiUsage> UsagesOf(KumoiConnection host, List<KumoiVM> wanted, HashSet<VMKey> present)
    {
        var usages = new List<KumoiUsage>(wanted.Count);
        foreach (var vm in wanted)
        {
            // A VM that was not on a host that was read before has come since: all that it counts is new.
            var isNew = !_seen.Contains(vm.Key) && _hostsRead.ContainsKey(host.Name);
            // What it counted on a host where it is not any more: it was moved from there.
            var moved = LeftBy(vm.Id, present).OrderBy(key => _last[key].At).Select(key => _last[key]).LastOrDefault();
            var before = _last.GetValueOrDefault(vm.Key) ?? moved ?? (isNew ? UsageCounters.Zero(_hostsRead[host.Name]) : null);
            var now = UsageCounters.Of(vm.Reading);
            if (before is not null && before.At <= now.At && now.Since(before) is var used
                && (vm.State is not PowerState.Shutoff || used.CpuSec > 0))
            {
                usages.Add(new KumoiUsage
                {
                    VM = vm.Name,
                    VMId = vm.Id,
                    VMHost = host.Name,
                    From = before.At,
                    To = vm.CapturedAt,
                    MemoryBytes = vm.MemoryBytes,
                    CpuSec = used.CpuSec,
                    DiskReadBytes = used.DiskRead,
                    DiskWrittenBytes = used.DiskWritten,
                    NetworkReceivedBytes = used.NetworkReceived,
                    NetworkSentBytes = used.NetworkSent,
                });
            }
        }

        return usages;
    }

    /// <summary>False: another session has accounted since this one has looked, and nothing was written.</summary>
    private async Task<bool> TryAppendAsync(
        KumoiConnection host, List<KumoiVM> wanted, IReadOnlyList<KumoiVM> vms, List<KumoiUsage> usages,
        CancellationToken cancellationToken)
    {
        var happened = new KumoiEvent
        {
            At = time.GetUtcNow(),
            Kind = KumoiEventKind.Usage,
            VMHost = host.Name,
            Message = string.Create(
                CultureInfo.InvariantCulture,
                $"{usages.Count} {(usages.Count == 1 ? "VM" : "VMs")} of {host.Name} used "
                    + $"{usages.Sum(usage => usage.CpuSec):0.###} s of CPU."),
            Data = UsageRecord.Format(
                usages, wanted.ToDictionary(vm => vm.Id, vm => Later(_last.GetValueOrDefault(vm.Key), UsageCounters.Of(vm.Reading))),
                vms.Select(vm => vm.Id)),
        };
        if (_continued is { } continued)
        {
            if (await continued.TryAppendAsync(happened, _readTo, cancellationToken) is not { } sequence)
            {
                return false;
            }

            _readTo = sequence;
        }
        else if (fleet.Journal is { } journal)
        {
            await journal.AppendAsync(happened, cancellationToken);
        }

        return true;
    }

    private async Task ReadNewAsync(CancellationToken cancellationToken)
    {
        var query = new EventQuery { Kinds = [KumoiEventKind.Usage], AfterSequence = _readTo };
        await foreach (var told in _continued!.ReadEventsAsync(query, cancellationToken))
        {
            _readTo = told.Sequence;
            if (told.VMHost is not { } host || UsageRecord.Parse(told.Data) is not { } record)
            {
                continue;
            }

            _seen.UnionWith(record.Seen.Select(id => new VMKey(host, id)));
            foreach (var (id, counters) in record.Counters)
            {
                Note(new VMKey(host, id), counters);
            }

            if (!_hostsRead.TryGetValue(host, out var at) || at < told.At)
            {
                _hostsRead[host] = told.At;
            }
        }
    }

    private List<VMKey> LeftBy(Guid id, HashSet<VMKey> present) => [.. _last.Keys.Where(key => key.Id == id && !present.Contains(key))];

    private void Note(VMKey vm, UsageCounters counters) => _last[vm] = Later(_last.GetValueOrDefault(vm), counters);

    /// <summary>Another session may have read the VM later than this one, and have accounted that.</summary>
    private static UsageCounters Later(UsageCounters? one, UsageCounters other) => one is null || one.At <= other.At ? other : one;
}
