using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>
/// Finds VMs by name for one cmdlet. Names that come one after the other share a reading of the hosts; a name that it does not have is
/// looked up on the hosts themselves, since a cmdlet before this one may have made that VM since.
/// </summary>
internal sealed class VMFinder(FleetCmdlet cmdlet, bool withTemplates)
{
    /// <summary>
    /// Names come by the hundred from a list, or one by one from somebody who works in between: then each is looked for anew.
    /// </summary>
    private static readonly TimeSpan Freshness = TimeSpan.FromSeconds(1);

    private readonly Dictionary<KumoiConnection, HostNames> _read = [];

    /// <summary>The VMs with these names, in the order of the hosts, each once. What is not found, or not known, is an error.</summary>
    /// <param name="names">As they were given.</param>
    /// <param name="hosts">Where to look.</param>
    /// <param name="isWholeFleet">These are all hosts.</param>
    /// <param name="areAllThere">No host that was asked for is missing.</param>
    public IEnumerable<KumoiVM> Find(
        IReadOnlyList<NameText> names, IReadOnlyList<KumoiConnection> hosts, bool isWholeFleet, bool areAllThere)
    {
        var isFresh = Read(hosts);
        var indexes = hosts.Select(host => _read[host].VMs).OfType<NameIndex<KumoiVM>>().ToList();
        var chosen = new HashSet<KumoiVM>(ReferenceEqualityComparer.Instance);
        var found = new List<KumoiVM>();
        foreach (var name in names)
        {
            foreach (var vm in Find(name, hosts, indexes, isFresh, isWholeFleet, areAllThere))
            {
                if (chosen.Add(vm))
                {
                    found.Add(vm);
                }
            }
        }

        return names.Count == 1 ? found : found.OrderBy(vm => vm.Connection).ThenBy(vm => vm);
    }

    private IReadOnlyList<KumoiVM> Find(
        NameText name, IReadOnlyList<KumoiConnection> hosts, IReadOnlyList<NameIndex<KumoiVM>> indexes, bool isFresh, bool isWholeFleet,
        bool areAllThere)
    {
        var (rank, found) = NameIndex<KumoiVM>.Find(name, indexes);
        var areAllRead = areAllThere && hosts.All(host => _read[host].VMs is not null);
        if (rank is not NameRank.Exact && !isFresh && Look(name, hosts, ref areAllRead) is { Count: > 0 } exact)
        {
            return exact;
        }

        switch (rank)
        {
            case NameRank.None:
                // Where a host was not read there is an error for it: that nobody has the VM would be one too much.
                if (!name.IsPattern && areAllRead)
                {
                    cmdlet.WriteMissing(name.Text, isWholeFleet);
                }

                return [];
            case NameRank.IgnoringCase when found.Select(vm => vm.Name).Distinct(StringComparer.Ordinal).Skip(1).Any():
                cmdlet.WriteError(Errors.Ambiguous(name.Text, found.Select(vm => $"{vm.Name} on {vm.VMHost}")));
                return [];
            case NameRank.IgnoringCase or NameRank.Pattern when !areAllRead && (rank is NameRank.IgnoringCase || name.MayBeOneName):
                cmdlet.WriteError(Errors.NotKnown(
                    $"No VM is named exactly '{name}' on the hosts that could be read; one that could not may have it.", name.Text,
                    $"Give the exact name: {string.Join(", ", found.Take(5).Select(vm => $"'{vm.Name}'"))}. Or wait until "
                        + "all hosts can be read."));
                return [];
            default:
                return found;
        }
    }

    /// <summary>Reads the hosts that were not read just now; true if that were all.</summary>
    private bool Read(IReadOnlyList<KumoiConnection> hosts)
    {
        var now = TimeProvider.System.GetTimestamp();
        var stale = hosts.Where(
            host => !_read.TryGetValue(host, out var read) || TimeProvider.System.GetElapsedTime(read.At, now) > Freshness).ToList();
        foreach (var outcome in cmdlet.EnumerateReads(stale, withTemplates))
        {
            _read[outcome.Element] = new HostNames(now, outcome.Succeeded ? new(outcome.Result, vm => vm.Name) : null);
            if (!outcome.Succeeded)
            {
                cmdlet.WriteUnreadable(outcome.Element, outcome.Error!);
            }
        }

        return stale.Count == hosts.Count;
    }

    /// <summary>The VMs with exactly this name, as the hosts have them now.</summary>
    private List<KumoiVM> Look(NameText name, IReadOnlyList<KumoiConnection> hosts, ref bool areAllRead)
    {
        var found = new List<KumoiVM>();
        foreach (var outcome in cmdlet.EnumerateLookups([.. hosts.Where(host => _read[host].VMs is not null)], name.Literal))
        {
            if (!outcome.Succeeded)
            {
                areAllRead = false;
                cmdlet.WriteUnreadable(outcome.Element, outcome.Error!);
            }
            else if (outcome.Result is { } vm && (withTemplates || !vm.IsTemplate))
            {
                found.Add(vm);
            }
        }

        return found;
    }

    /// <summary>The VMs of one host by their names.</summary>
    /// <param name="At">When its reading began, as a timestamp.</param>
    /// <param name="VMs">Null: it could not be read.</param>
    private sealed record HostNames(long At, NameIndex<KumoiVM>? VMs);
}
