using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Changes settings of storage pools.</summary>
[Cmdlet(VerbsCommon.Set, "KumoiPool", SupportsShouldProcess = true, DefaultParameterSetName = ByName)]
[OutputType(typeof(KumoiPool))]
public sealed class SetKumoiPoolCommand : PoolActionCmdlet
{
    /// <summary>The host starts the pool when the host itself starts; -AutoStart:$false: it does not.</summary>
    [Parameter(Mandatory = true)]
    public SwitchParameter AutoStart { get; set; }

    /// <summary>Also writes the pool as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override string Verb => AutoStart ? "Set autostart" : "Set no autostart";

    private protected override async Task<ActionResult> ActAsync(KumoiPool pool, CancellationToken cancellationToken)
    {
        var changed = await HostPools.SetAutostartAsync(pool, AutoStart, cancellationToken);
        return new ActionResult(PassThru ? [changed] : []);
    }
}
