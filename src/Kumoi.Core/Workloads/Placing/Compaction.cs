using Kumoi.Fleets;

namespace Kumoi.Workloads.Placing;

/// <summary>
/// First-fit compaction (paper 000, Fig. 5): from the last host on, each running VM goes to the first of the hosts before it that runs VMs
/// and has room, so that the last hosts become empty. A host is emptied only if all its VMs find a place: to move some of them frees
/// nothing.
/// </summary>
public sealed class Compaction(Fleet fleet, IReadOnlyList<KumoiConnection> hosts, PlacementLimits limits, WorkloadOptions options)
    : MovingWorkload(fleet, hosts, limits, options)
{
    /// <summary>The host that is being emptied, counted from the last one; those before it in this count are done with.</summary>
    private int _source = -1;

    private protected override (KumoiVM VM, HostModel Source, string Reason)? Choose()
    {
        while (true)
        {
            if (_source >= 0 && _source < Hosts.Count)
            {
                var source = Hosts[^(_source + 1)];
                if (Left(source).FirstOrDefault(vm => Targets(vm, source).Count > 0) is { } vm)
                {
                    return (vm, source, $"empties {source.Name}");
                }
            }

            do
            {
                _source++;
            }
            while (_source < Hosts.Count && !CanBeEmptied(Hosts[^(_source + 1)]));

            if (_source >= Hosts.Count)
            {
                return null;
            }
        }
    }

    /// <summary>Hosts before the source, in order; an empty one is not filled again.</summary>
    private protected override IEnumerable<HostModel> Prefer(HostModel source) =>
        Hosts.TakeWhile(host => !ReferenceEquals(host, source)).Where(host => host.VMs.Count > 0);

    private bool CanBeEmptied(HostModel source)
    {
        var trial = Usable(Prefer(source)).Select(host => new HostModel(host)).ToList();
        var vms = Left(source).ToList();
        foreach (var vm in vms)
        {
            if (trial.Find(host => host.Fits(vm, Limits)) is not { } target)
            {
                return false;
            }

            target.Add(vm);
        }

        return vms.Count > 0;
    }

    private IEnumerable<KumoiVM> Left(HostModel host) => host.VMs.Where(vm => !Settled.Contains(vm.Key));
}
