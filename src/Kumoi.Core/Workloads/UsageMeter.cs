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

    private readonly Dictionary<Guid, UsageCounters> _last = [];
    private readonly Dictionary<string, DateTimeOffset> _hostsRead = new(StringComparer.Ordinal);

    /// <summary>All VMs that were there, wanted or not: another one has come since.</summary>
    private readonly HashSet<Guid> _seen = [];

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
    /// <param name="isWanted">The VMs of the first cycle.</param>
    /// <param name="cancellationToken">Of the reads.</param>
    /// <returns>Whether it has anything.</returns>
    /// <exception cref="HypervisorException">A host could not be read, and failures are not masked.</exception>
    /// <exception cref="JournalException">The journal cannot be read.</exception>
    public async Task<bool> ContinueAsync(
        IJournal journal, IReadOnlyList<KumoiConnection> hosts, Func<KumoiVM, bool> isWanted, CancellationToken cancellationToken)
    {
        _continued = journal;
        _ahead = await ReadAsync(hosts, cancellationToken);
        var unknownHosts = hosts.Select(host => host.Name).ToHashSet(StringComparer.Ordinal);
        var unreadHosts = unknownHosts.Except(_ahead.Select(read => read.Host.Name), StringComparer.Ordinal).ToHashSet(StringComparer.Ordinal);
        var wanted = _ahead.SelectMany(read => read.VMs).Where(isWanted).Select(vm => vm.Id).ToHashSet();
        var query = new EventQuery { Kinds = [KumoiEventKind.Usage], NewestFirst = true };
        await foreach (var newest in journal.ReadEventsAsync(query, cancellationToken))
        {
            _readTo = newest.Sequence;
            break;
        }

        var isAnyMissing = true;
        await foreach (var told in journal.ReadEventsAsync(query with { After = time.GetUtcNow() - LongestInterval }, cancellationToken))
        {
            var isNewest = told.VMHost is { } host && !_hostsRead.ContainsKey(host);
            if ((!isNewest && !isAnyMissing) || UsageRecord.Parse(told.Data) is not { } record)
            {
                continue;
            }

            _seen.UnionWith(record.Seen);
            foreach (var (id, counters) in record.Counters)
            {
                _last.TryAdd(id, counters);
            }

            if (isNewest)
            {
                _hostsRead[told.VMHost!] = told.At;
                unknownHosts.Remove(told.VMHost!);
                if (unreadHosts.Contains(told.VMHost!))
                {
                    // Its VMs cannot be asked for now. Later they may be wanted.
                    wanted.UnionWith(record.Seen);
                }
            }

            // One that was never seen has come since.
            isAnyMissing = wanted.Any(id => _seen.Contains(id) && !_last.ContainsKey(id));
            if (unknownHosts.Count == 0 && !isAnyMissing)
            {
                break;
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
        IReadOnlyList<KumoiConnection> hosts, Func<KumoiVM, bool> isWanted, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var read = _ahead ?? await ReadAsync(hosts, cancellationToken);
        _ahead = null;
        foreach (var (host, vms) in read)
        {
            yield return await AccountAsync(host, vms, isWanted, cancellationToken);
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
        KumoiConnection host, IReadOnlyList<KumoiVM> vms, Func<KumoiVM, bool> isWanted, CancellationToken cancellationToken)
    {
        var wanted = vms.Where(isWanted).ToList();
        List<KumoiUsage> usages;
        while (!await TryAppendAsync(host, wanted, vms, usages = UsagesOf(host, wanted), cancellationToken))
        {
            // Another session has accounted meanwhile, what this one was about to account perhaps.
            await ReadNewAsync(cancellationToken);
        }

        // Only what is in the journal is accounted.
        foreach (var vm in wanted)
        {
            Note(vm.Id, UsageCounters.Of(vm.Reading));
        }

        _seen.UnionWith(vms.Select(vm => vm.Id));
        _hostsRead[host.Name] = time.GetUtcNow();
        return usages;
    }

    private List<KumoiUsage> UsagesOf(KumoiConnection host, List<KumoiVM> wanted)
    {
        var usages = new List<KumoiUsage>(wanted.Count);
        foreach (var vm in wanted)
        {
            // A VM that was not on a host that was read before has come since: all that it counts is new.
            var isNew = !_seen.Contains(vm.Id) && _hostsRead.ContainsKey(host.Name);
            var before = _last.GetValueOrDefault(vm.Id) ?? (isNew ? UsageCounters.Zero(_hostsRead[host.Name]) : null);
            var now = UsageCounters.Of(vm.Reading);
            if (before is not null && before.At <= now.At && now.Since(before) is var used && (vm.State is not PowerState.Shutoff || used.CpuSec > 0))
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
        KumoiConnection host, List<KumoiVM> wanted, IReadOnlyList<KumoiVM> vms, List<KumoiUsage> usages, CancellationToken cancellationToken)
    {
        var happened = new KumoiEvent
        {
            At = time.GetUtcNow(),
            Kind = KumoiEventKind.Usage,
            VMHost = host.Name,
            Message = FormattableString.Invariant(
                $"{usages.Count} {(usages.Count == 1 ? "VM" : "VMs")} of {host.Name} used {usages.Sum(usage => usage.CpuSec):0.###} s of CPU."),
            Data = UsageRecord.Format(
                usages, wanted.ToDictionary(vm => vm.Id, vm => Later(_last.GetValueOrDefault(vm.Id), UsageCounters.Of(vm.Reading))), vms.Select(vm => vm.Id)),
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
            if (UsageRecord.Parse(told.Data) is not { } record)
            {
                continue;
            }

            _seen.UnionWith(record.Seen);
            foreach (var (id, counters) in record.Counters)
            {
                Note(id, counters);
            }

            if (told.VMHost is { } host && (!_hostsRead.TryGetValue(host, out var at) || at < told.At))
            {
                _hostsRead[host] = told.At;
            }
        }
    }

    private void Note(Guid vm, UsageCounters counters) => _last[vm] = Later(_last.GetValueOrDefault(vm), counters);

    /// <summary>Another session may have read the VM later than this one, and have accounted that.</summary>
    private static UsageCounters Later(UsageCounters? one, UsageCounters other) => one is null || one.At <= other.At ? other : one;
}
