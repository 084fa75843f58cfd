using System.Management.Automation;
using Kumoi.Workloads;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that empties hosts.</summary>
public abstract class EvacuatingCmdlet : MaintenanceCmdlet
{
    /// <summary>Sends each VM to several hosts at once: the first that has all of it wins, the others leave nothing behind.</summary>
    [Parameter]
    public SwitchParameter Speculative { get; set; }

    /// <summary>With -Speculative: how many hosts a VM is sent to at once. The others that have room are the reserve.</summary>
    [Parameter]
    [ValidateRange(1, 16)]
    public int Replicas { get; set; } = 2;

    /// <summary>
    /// With -Speculative: the VMs' memory may go unencrypted from their host to this computer, and from here to the others, although these
    /// hosts are connected by TLS or ssh.
    /// </summary>
    [Parameter]
    public SwitchParameter AllowUnencrypted { get; set; }

    /// <summary>A host that fails as a target is a failure: no other host takes its place.</summary>
    [Parameter]
    public SwitchParameter NoSubstitution { get; set; }

    private protected override WorkloadOptions CreateOptions()
    {
        var options = base.CreateOptions();
        return options with
        {
            Substitute = options.Substitute && !NoSubstitution,
            Replicas = Speculative ? Replicas : null,
            Migration = options.Migration with { AllowUnencrypted = AllowUnencrypted },
        };
    }
}
