using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Jobs;
using Kumoi.PowerShell.Session;
using Kumoi.Workloads;
using Kumoi.Workloads.Placing;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that takes hosts out of service or back, and moves VMs for that.</summary>
public abstract class MaintenanceCmdlet : StepwiseCmdlet
{
    /// <summary>Limit of each migration's stream, in bytes per second.</summary>
    [Parameter]
    [ValidateRange(1L << 20, long.MaxValue)]
    public long BandwidthBytesPerSecond { get; set; }

    /// <summary>Move VMs although libvirt cannot see that their disks are shared.</summary>
    [Parameter]
    public SwitchParameter AllowUnsafe { get; set; }

    /// <summary>How busy a host that gets VMs may become, 0 to 1. With 1 the load does not matter.</summary>
    [Parameter]
    [ValidateRange(0.0, 1.0)]
    public double MaxCpuRatio { get; set; } = 1;

    /// <summary>How much memory must stay free on a host that gets VMs.</summary>
    [Parameter]
    [ValidateRange(0L, long.MaxValue)]
    public long MinFreeMemoryBytes { get; set; } = 256L << 20;

    private protected PlacementLimits Limits => new(MaxCpuRatio, MinFreeMemoryBytes);

    /// <summary>A job takes the hosts that are agreed to, each of which is asked for now.</summary>
    private protected void HandOver(IReadOnlyList<KumoiConnection> hosts, string action)
    {
        List<KumoiConnection> agreed = [.. hosts.Where(host => ShouldProcess(host.Name, action))];
        HandOver("VMHost", agreed, agreed);
    }

    private protected virtual WorkloadOptions CreateOptions() => new()
    {
        Substitute = KumoiPreference.Of(this).Substitution is not SubstitutionPreference.None,
        Migration = new MigrationOptions
        {
            AllowUnsafe = AllowUnsafe,
            BandwidthBytesPerSecond = BandwidthBytesPerSecond > 0 ? BandwidthBytesPerSecond : null,
        },
    };

    /// <summary>Writes the plan of the moves: what has no room is an error.</summary>
    private protected void WritePlan(IEnumerable<Outcome<KumoiPlanStep, KumoiPlanStep>> plan)
    {
        foreach (var step in plan)
        {
            WriteObject(step.Element);
            if (step.Error is { } why)
            {
                WriteFailure(why, step.Element.Name);
            }
        }
    }

    /// <summary>Tells what was moved, and writes an error for each VM that was not. False: there was one.</summary>
    private protected bool Tell(IReadOnlyList<Outcome<KumoiPlanStep, KumoiPlanStep>> moves)
    {
        foreach (var move in moves)
        {
            if (move.Error is { } why)
            {
                WriteFailure(why, move.Element.Name);
                continue;
            }

            WriteVerbose(move.Result.ToString());
            foreach (var substitution in move.Result.Substitutions)
            {
                WriteWarning(substitution);
            }
        }

        return moves.All(move => move.Succeeded);
    }

    /// <summary>A warning when the pipeline is being stopped: the ordinary way is closed then.</summary>
    private protected void WarnWhenStopped(string message)
    {
        if (KumoiJob.Current is { } job)
        {
            job.Warning.Add(new WarningRecord(Visible.Lines(message)));
            return;
        }

        try
        {
            WriteWarning(message);
        }
        catch (PipelineStoppedException)
        {
            Host.UI?.WriteWarningLine(Visible.Lines(message));
        }
    }
}
