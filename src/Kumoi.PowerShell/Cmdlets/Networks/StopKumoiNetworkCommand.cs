using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Stops virtual networks of hosts.</summary>
[Cmdlet(VerbsLifecycle.Stop, "KumoiNetwork", SupportsShouldProcess = true, DefaultParameterSetName = ByName)]
[OutputType(typeof(KumoiNetwork))]
public sealed class StopKumoiNetworkCommand : NetworkActionCmdlet
{
    /// <summary>Also writes the network as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override string Verb => "Stop";

    private protected override async Task<ActionResult> ActAsync(KumoiNetwork network, CancellationToken cancellationToken)
    {
        var stopped = await HostNetworks.StopAsync(network, cancellationToken);
        return new ActionResult(PassThru ? [stopped] : []);
    }
}
