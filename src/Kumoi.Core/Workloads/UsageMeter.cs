using System.Runtime.CompilerServices;
using Kumoi.FailureOblivious;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;

namespace Kumoi.Workloads;

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

    /// <summary>What was masked.</summary>
    public MaskLog Log { get; } = new();

    /// <summary>Goes on from what the journal has, so that what was used since then is accounted in the first cycle.</summary>
    /// <returns>Whether it has anything.</returns>
    /// <exception cref="JournalException">The journal cannot be read.</exception>
    public async Task<bool> ContinueAsync(IJournal journal, CancellationToken cancellationToken)
    {
        var here = new Dictionary<string, HashSet<Guid>>(StringComparer.Ordinal);
        var query = new EventQuery { Kinds = [KumoiEventKind.Usage], After = time.GetUtcNow() - LongestInterval, NewestFirst = true };
        await foreach (var told in journal.ReadEventsAsync(query, cancellationToken))
        {
            if (told.VMHost is not { } host)
            {
                continue;
            }

            var record = UsageRecord.Parse(told.Data);
            if (_hostsRead.TryAdd(host, told.At))
            {
                here[host] = [.. record.Seen];
            }

            _seen.UnionWith(record.Seen.Select(id => new VMKey(host, id)));
            foreach (var (id, counters) in record.Counters)
            {
                _last.TryAdd(new VMKey(host, id), counters);
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
    /// Reads all VMs once, and tells what those of each host used. The first cycle tells only of VMs that are known already: of the others it
    /// notes the counters. What is told is in the journal by then.
    /// </summary>
    /// <exception cref="HypervisorException">A host could not be read, and failures are not masked: nothing was accounted.</exception>
    /// <exception cref="JournalException">The journal cannot be written: this host, and those after it, were not accounted.</exception>
    public async IAsyncEnumerable<IReadOnlyList<KumoiUsage>> CycleAsync(
        IReadOnlyList<KumoiConnection> hosts, Func<IReadOnlyList<KumoiVM>, IEnumerable<KumoiVM>> choose, [EnumeratorCancellation] CancellationToken cancellationToken)
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

        var present = read.SelectMany(host => host.VMs).Select(vm => vm.Key).ToHashSet();
        var left = _last.Keys.Where(key => !present.Contains(key)).ToLookup(key => key.Id);
        // Of all at once: which VM a name means depends on which others there are.
        var wanted = choose([.. read.SelectMany(host => host.VMs)]).ToLookup(vm => vm.Connection);
        foreach (var (host, vms) in read)
        {
            yield return await AccountAsync(host, vms, [.. wanted[host]], TakeMoved, cancellationToken);
        }

        // What the VM counted on a host where it is not any more: it was moved from there.
        UsageCounters? TakeMoved(Guid id)
        {
            var from = left[id].Where(_last.ContainsKey).OrderBy(key => _last[key].At).ToList();
            var latest = from is [.., var last] ? _last[last] : null;
            from.ForEach(key => _last.Remove(key));
            return latest;
        }
    }

    private async Task<List<KumoiUsage>> AccountAsync(
        KumoiConnection host, IReadOnlyList<KumoiVM> vms, IReadOnlyList<KumoiVM> wanted, Func<Guid, UsageCounters?> takeMoved, CancellationToken cancellationToken)
    {
        var usages = new List<KumoiUsage>(vms.Count);
        var now = wanted.ToDictionary(vm => vm.Id, vm => UsageCounters.Of(vm.Reading));
        foreach (var vm in wanted)
        {
            // A VM that was not on a host that was read before has come since: all that it counts is new.
            var isNew = !_seen.Contains(vm.Key) && _hostsRead.ContainsKey(host.Name);
            var before = _last.GetValueOrDefault(vm.Key) ?? takeMoved(vm.Id) ?? (isNew ? UsageCounters.Zero(_hostsRead[host.Name]) : null);
            if (before is not null && now[vm.Id].Since(before) is var used && (vm.State is not PowerState.Shutoff || used.CpuSec > 0))
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

        if (fleet.Journal is { } journal)
        {
            await journal.AppendAsync(
                new KumoiEvent
                {
                    At = time.GetUtcNow(),
                    Kind = KumoiEventKind.Usage,
                    VMHost = host.Name,
                    Message = FormattableString.Invariant(
                        $"{usages.Count} {(usages.Count == 1 ? "VM" : "VMs")} of {host.Name} used {usages.Sum(usage => usage.CpuSec):0.###} s of CPU."),
                    Data = UsageRecord.Format(usages, now, vms.Select(vm => vm.Id)),
                },
                cancellationToken);
        }

        // Only what is in the journal is accounted.
        foreach (var (id, counters) in now)
        {
            _last[new VMKey(host.Name, id)] = counters;
        }

        _seen.UnionWith(vms.Select(vm => vm.Key));
        _hostsRead[host.Name] = time.GetUtcNow();
        return usages;
    }
}
