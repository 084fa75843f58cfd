using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Changes settings of virtual networks.</summary>
[Cmdlet(VerbsCommon.Set, "KumoiNetwork", SupportsShouldProcess = true, DefaultParameterSetName = ByName)]
[OutputType(typeof(KumoiNetwork))]
public sealed class SetKumoiNetworkCommand : NetworkActionCmdlet
{
    /// <summary>The host starts the network when the host itself starts; -AutoStart:$false: it does not.</summary>
    [Parameter(Mandatory = true)]
    public SwitchParameter AutoStart { get; set; }

    /// <summary>Also writes the network as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override string Verb => AutoStart ? "Set autostart" : "Set no autostart";

    private protected override async Task<ActionResult> ActAsync(KumoiNetwork network, CancellationToken cancellationToken)
    {
        var changed = await HostNetworks.SetAutostartAsync(network, AutoStart, cancellationToken);
        return new ActionResult(PassThru ? [changed] : []);
    }
}
