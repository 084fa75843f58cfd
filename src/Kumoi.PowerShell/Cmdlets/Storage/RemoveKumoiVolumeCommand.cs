using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Deletes volumes that nobody uses.</summary>
[Cmdlet(
    VerbsCommon.Remove, "KumoiVolume", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High,
    DefaultParameterSetName = ByName)]
public sealed class RemoveKumoiVolumeCommand : VolumeActionCmdlet
{
    private protected override string Verb => "Delete";

    private protected override async Task<ActionResult> ActAsync(
        KumoiVolume volume, ActionProgress progress, CancellationToken cancellationToken)
    {
        await HostStorage.RemoveVolumeAsync(volume, cancellationToken);
        return ActionResult.None;
    }
}
