using System.Globalization;
using Kumoi.Fleets;

namespace Kumoi.Workloads.Placing;

/// <summary>
/// Load balancing (paper 001, Fig. 5): off each overloaded host, the largest VMs are moved, each to the least loaded host that has room,
/// until the host is overloaded no more. A VM that cannot be moved is replaced by the next largest.
/// </summary>
/// <param name="fleet">The fleet.</param>
/// <param name="hosts">The hosts to balance, in the order in which they are relieved.</param>
/// <param name="limits">A host that breaks them is overloaded. No host is brought to break them.</param>
/// <param name="options">How failures are treated.</param>
public sealed class Balancing(Fleet fleet, IReadOnlyList<KumoiConnection> hosts, PlacementLimits limits, WorkloadOptions options)
    : MovingWorkload(fleet, hosts, limits, options)
{
    private List<HostModel>? _overloaded;

    private protected override (KumoiVM VM, HostModel Source, string Reason)? Choose()
    {
        _overloaded ??= [.. Hosts.Where(host => !host.Host.IsMasked && WhyOverloaded(host) is not null)];
        return _overloaded.Select(ChooseFrom).FirstOrDefault(choice => choice is not null);
    }

    protected override bool TryReplace(KumoiPlanStep step)
    {
        Settled.Add(step.VM!.Key);
        return ChooseFrom(Hosts.First(host => host.Name == step.VMHost)) is not null;
    }

    private (KumoiVM VM, HostModel Source, string Reason)? ChooseFrom(HostModel source) =>
        WhyOverloaded(source) is { } why
        && source.VMs.Where(vm => !Settled.Contains(vm.Key)).OrderByDescending(vm => vm.MemoryBytes)
            .FirstOrDefault(vm => Targets(vm, source).Count > 0) is { } vm
            ? (vm, source, why)
            : null;

    private protected override IEnumerable<HostModel> Prefer(HostModel source) =>
        Hosts.Where(host => !ReferenceEquals(host, source) && WhyOverloaded(host) is null).OrderBy(host => host.CpuRatio);

    /// <summary>Null: it is not.</summary>
    private string? WhyOverloaded(HostModel host) =>
        host.FreeMemoryBytes < Limits.MinFreeMemoryBytes
            ? string.Create(CultureInfo.InvariantCulture, $"{host.Name} has {Math.Max(0, host.FreeMemoryBytes) >> 20} MiB free")
            : !double.IsNaN(host.Host.CpuRatio) && host.CpuRatio > Limits.MaxCpuRatio
                ? string.Create(CultureInfo.InvariantCulture, $"{host.Name} is {host.CpuRatio:P0} busy")
            : null;
}
