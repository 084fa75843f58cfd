using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Removes virtual networks from hosts.</summary>
[Cmdlet(
    VerbsCommon.Remove, "KumoiNetwork", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High,
    DefaultParameterSetName = ByName)]
public sealed class RemoveKumoiNetworkCommand : NetworkActionCmdlet
{
    private protected override string Verb => "Remove";

    private protected override async Task<ActionResult> ActAsync(KumoiNetwork network, CancellationToken cancellationToken)
    {
        await HostNetworks.RemoveAsync(network, cancellationToken);
        return ActionResult.None;
    }
}
