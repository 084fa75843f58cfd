using System.Management.Automation;
using Kumoi.Hypervisors;
using Kumoi.Workloads;
using Kumoi.Workloads.Placing;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A workload that moves VMs between hosts.</summary>
public abstract class MovingWorkloadCmdlet : WorkloadCmdlet
{
    /// <summary>Limit of each migration's stream, in bytes per second.</summary>
    [Parameter]
    [ValidateRange(1L << 20, long.MaxValue)]
    public long BandwidthBytesPerSecond { get; set; }

    /// <summary>Move VMs although libvirt cannot see that their disks are shared.</summary>
    [Parameter]
    public SwitchParameter AllowUnsafe { get; set; }

    /// <summary>A target that fails is a failure: no other host takes its place.</summary>
    [Parameter]
    public SwitchParameter NoSubstitution { get; set; }

    private protected abstract PlacementLimits Limits { get; }

    private protected sealed override void Act() => Run(Create(CreateOptions(!NoSubstitution) with
    {
        Migration = new MigrationOptions
        {
            AllowUnsafe = AllowUnsafe,
            BandwidthBytesPerSecond = BandwidthBytesPerSecond > 0 ? BandwidthBytesPerSecond : null,
        },
    }));

    private protected abstract Workload Create(WorkloadOptions options);
}
