using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Takes disks away from VMs. Their images stay unless -DeleteVolume.</summary>
[Cmdlet(
    VerbsCommon.Remove, "KumoiDisk", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High,
    DefaultParameterSetName = ByTarget)]
public sealed class RemoveKumoiDiskCommand : DiskActionCmdlet
{
    /// <summary>Deletes the disk's volume too, if nobody else uses it.</summary>
    [Parameter]
    public SwitchParameter DeleteVolume { get; set; }

    private protected override string Verb => DeleteVolume ? "Remove, and delete its volume" : "Remove";

    private protected override async Task<ActionResult> ActAsync(KumoiDisk disk, CancellationToken cancellationToken)
    {
        await VMDisks.RemoveAsync(disk, DeleteVolume, cancellationToken);
        return ActionResult.None;
    }
}
