using Kumoi.FailureOblivious;
using Kumoi.Fleets;

namespace Kumoi.Workloads.Placing;

/// <summary>A host as a plan sees it: its reading, and what the plan has added to it and taken from it since.</summary>
internal sealed class HostModel
{
    private readonly List<KumoiVM> _vms;

    public HostModel(KumoiHost host)
    {
        Host = host;
        // Who cannot tell its load is taken for busy: it must not attract VMs.
        CpuRatio = double.IsNaN(host.CpuRatio) ? 1 : host.CpuRatio;
        FreeMemoryBytes = host.FreeMemoryBytes;
        TakesVMs = !host.IsInMaintenance;
        _vms = [.. host.VMs.Where(CanMove)];
    }

    /// <summary>A copy to try something on.</summary>
    public HostModel(HostModel other)
    {
        Host = other.Host;
        CpuRatio = other.CpuRatio;
        FreeMemoryBytes = other.FreeMemoryBytes;
        TakesVMs = other.TakesVMs;
        _vms = [.. other._vms];
    }

    /// <summary>
    /// The hosts as they are now. One that cannot be read stands there without room, unless it is <paramref name="needed"/>.
    /// </summary>
    /// <exception cref="Hypervisors.HypervisorException">A host that is needed could not be read.</exception>
    public static async Task<List<HostModel>> ReadAsync(
        Fleet fleet, IReadOnlyList<KumoiConnection> hosts, IReadOnlyList<KumoiConnection> needed, CancellationToken cancellationToken)
    {
        var models = new List<HostModel>(hosts.Count);
        await foreach (var outcome in fleet.ReadHostsAsync(hosts, cancellationToken))
        {
            if (!outcome.Succeeded && (needed.Contains(outcome.Element) || !Masking.Allows(outcome.Error!)))
            {
                throw outcome.Error!;
            }

            models.Add(new HostModel(outcome.Succeeded ? outcome.Result : outcome.Element.Mask(MaskMode.Pessimistic, [])!));
        }

        return models;
    }

    public KumoiHost Host { get; }

    public string Name => Host.Name;

    /// <summary>0..1.</summary>
    public double CpuRatio { get; private set; }

    public long FreeMemoryBytes { get; private set; }

    /// <summary>It is not in maintenance.</summary>
    public bool TakesVMs { get; set; }

    /// <summary>The VMs that can be moved live.</summary>
    public IReadOnlyList<KumoiVM> VMs => _vms;

    /// <summary>Whether the limits hold when the VM has been put on this host, if it takes any.</summary>
    public bool Fits(KumoiVM vm, PlacementLimits limits) =>
        TakesVMs && FreeMemoryBytes - vm.MemoryBytes >= limits.MinFreeMemoryBytes
            && Math.Min(1, CpuRatio + Share(vm)) <= limits.MaxCpuRatio;

    public void Add(KumoiVM vm)
    {
        _vms.Add(vm);
        CpuRatio = Math.Min(1, CpuRatio + Share(vm));
        FreeMemoryBytes -= vm.MemoryBytes;
    }

    public void Remove(KumoiVM vm)
    {
        _vms.RemoveAll(other => other.Id == vm.Id);
        CpuRatio = Math.Max(0, CpuRatio - Share(vm));
        FreeMemoryBytes += vm.MemoryBytes;
    }

    /// <summary>How much of this host's CPUs the VM keeps busy, 0..1. A VM whose load is not known is taken for busy.</summary>
    private double Share(KumoiVM vm) =>
        vm.State is PowerState.Paused || Host.CpuCount == 0
            ? 0 : (double.IsNaN(vm.CpuRatio) ? 1 : vm.CpuRatio) * vm.CpuCount / Host.CpuCount;

    /// <summary>Whether the VM is in a state in which it can be moved live.</summary>
    public static bool CanMove(KumoiVM vm) => vm.State is PowerState.Running or PowerState.Paused;
}
