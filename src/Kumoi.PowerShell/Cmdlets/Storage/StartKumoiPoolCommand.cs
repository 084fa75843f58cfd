using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Starts storage pools of hosts.</summary>
[Cmdlet(VerbsLifecycle.Start, "KumoiPool", SupportsShouldProcess = true, DefaultParameterSetName = ByName)]
[OutputType(typeof(KumoiPool))]
public sealed class StartKumoiPoolCommand : PoolActionCmdlet
{
    /// <summary>Also writes the pool as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override string Verb => "Start";

    private protected override async Task<ActionResult> ActAsync(KumoiPool pool, CancellationToken cancellationToken)
    {
        var started = await HostPools.StartAsync(pool, cancellationToken);
        return new ActionResult(PassThru ? [started] : []);
    }
}
