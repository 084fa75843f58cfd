using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.Workloads;
using Kumoi.Workloads.Placing;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>
/// Moves the largest VMs off overloaded hosts, each to the least loaded host with room, until the hosts are overloaded no more.
/// </summary>
[Cmdlet(VerbsLifecycle.Invoke, "KumoiBalance", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(KumoiPlanStep))]
public sealed class InvokeKumoiBalanceCommand : MovingWorkloadCmdlet
{
    /// <summary>A host that is busier, 0 to 1, is overloaded. With 1 the load does not matter.</summary>
    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double MaxCpuRatio { get; set; } = 0.8;

    /// <summary>A host that has less memory free is overloaded.</summary>
    [Parameter]
    [ValidateRange(0L, long.MaxValue)]
    public long MinFreeMemoryBytes { get; set; } = 256L << 20;

    private protected override PlacementLimits Limits => new(MaxCpuRatio, MinFreeMemoryBytes);

    private protected override Workload Create(WorkloadOptions options) => new Balancing(Fleet, Hosts, Limits, options);
}
