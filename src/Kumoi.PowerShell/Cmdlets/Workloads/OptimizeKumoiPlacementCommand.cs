using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.Workloads;
using Kumoi.Workloads.Placing;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>First-fit compaction: empties the last hosts into the first that have room.</summary>
[Cmdlet(VerbsCommon.Optimize, "KumoiPlacement", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(KumoiPlanStep))]
public sealed class OptimizeKumoiPlacementCommand : MovingWorkloadCmdlet
{
    /// <summary>How busy a host may become, 0 to 1. With 1 the load does not matter.</summary>
    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double MaxCpuRatio { get; set; } = 0.9;

    /// <summary>How much memory must stay free on a host.</summary>
    [Parameter]
    [ValidateRange(0L, long.MaxValue)]
    public long MinFreeMemoryBytes { get; set; } = 512L << 20;

    private protected override PlacementLimits Limits => new(MaxCpuRatio, MinFreeMemoryBytes);

    private protected override Workload Create(WorkloadOptions options) => new Compaction(Fleet, Hosts, Limits, options);
}
