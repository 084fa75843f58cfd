using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Takes network adapters away from VMs, also while they run.</summary>
[Cmdlet(
    VerbsCommon.Remove, "KumoiNetworkAdapter", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High,
    DefaultParameterSetName = ByAddress)]
public sealed class RemoveKumoiNetworkAdapterCommand : AdapterActionCmdlet
{
    private protected override string Verb => "Remove";

    private protected override async Task<ActionResult> ActAsync(KumoiNetworkAdapter adapter, CancellationToken cancellationToken)
    {
        await VMAdapters.RemoveAsync(adapter, cancellationToken);
        return ActionResult.None;
    }
}
