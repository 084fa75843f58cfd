using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Lets hosts look what is in their storage pools.</summary>
[Cmdlet(VerbsData.Update, "KumoiPool", SupportsShouldProcess = true, DefaultParameterSetName = ByName)]
[OutputType(typeof(KumoiPool))]
public sealed class UpdateKumoiPoolCommand : PoolActionCmdlet
{
    private protected override string Verb => "Look what is in it";

    private protected override async Task<ActionResult> ActAsync(KumoiPool pool, CancellationToken cancellationToken) =>
        new([await HostPools.RefreshAsync(pool, cancellationToken)]);
}
