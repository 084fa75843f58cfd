using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Stops storage pools of hosts. What is in them stays.</summary>
[Cmdlet(VerbsLifecycle.Stop, "KumoiPool", SupportsShouldProcess = true, DefaultParameterSetName = ByName)]
[OutputType(typeof(KumoiPool))]
public sealed class StopKumoiPoolCommand : PoolActionCmdlet
{
    /// <summary>Also writes the pool as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override string Verb => "Stop";

    private protected override async Task<ActionResult> ActAsync(KumoiPool pool, CancellationToken cancellationToken)
    {
        var stopped = await HostPools.StopAsync(pool, cancellationToken);
        return new ActionResult(PassThru ? [stopped] : []);
    }
}
