using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Starts virtual networks of hosts.</summary>
[Cmdlet(VerbsLifecycle.Start, "KumoiNetwork", SupportsShouldProcess = true, DefaultParameterSetName = ByName)]
[OutputType(typeof(KumoiNetwork))]
public sealed class StartKumoiNetworkCommand : NetworkActionCmdlet
{
    /// <summary>Also writes the network as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override string Verb => "Start";

    private protected override async Task<ActionResult> ActAsync(KumoiNetwork network, CancellationToken cancellationToken)
    {
        var started = await HostNetworks.StartAsync(network, cancellationToken);
        return new ActionResult(PassThru ? [started] : []);
    }
}
