using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Removes storage pools from hosts. What is in them stays where it is.</summary>
[Cmdlet(
    VerbsCommon.Remove, "KumoiPool", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High,
    DefaultParameterSetName = ByName)]
public sealed class RemoveKumoiPoolCommand : PoolActionCmdlet
{
    private protected override string Verb => "Remove, without what is in it";

    private protected override async Task<ActionResult> ActAsync(KumoiPool pool, CancellationToken cancellationToken)
    {
        await HostPools.RemoveAsync(pool, cancellationToken);
        return ActionResult.None;
    }
}
