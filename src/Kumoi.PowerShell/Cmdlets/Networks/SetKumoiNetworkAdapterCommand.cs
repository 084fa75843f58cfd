using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Changes network adapters of VMs, also while they run: what they are connected to, the cable, the VLAN, limits.</summary>
[Cmdlet(VerbsCommon.Set, "KumoiNetworkAdapter", SupportsShouldProcess = true, DefaultParameterSetName = ByAddress)]
[OutputType(typeof(KumoiNetworkAdapter))]
public sealed class SetKumoiNetworkAdapterCommand : AdapterActionCmdlet
{
    /// <summary>The network of libvirt to which it is connected from now on.</summary>
    [Parameter]
    [Alias("Network")]
    [ArgumentCompleter(typeof(NetworkNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string? NetworkName { get; set; }

    /// <summary>The bridge of the host to which it is connected from now on.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Bridge { get; set; }

    /// <summary>Plugs its cable in, or, with $false, pulls it.</summary>
    [Parameter]
    public bool? Connected { get; set; }

    /// <summary>The VLAN to which its packets belong; 0: none.</summary>
    [Parameter]
    [ValidateRange(0, 4094)]
    public int? Vlan { get; set; }

    /// <summary>How much may come in on average, in KiB/s; 0: as much as can.</summary>
    [Parameter]
    [ValidateRange(0L, int.MaxValue)]
    public long? InboundKiBPerSec { get; set; }

    /// <summary>How much may go out on average, in KiB/s; 0: as much as can.</summary>
    [Parameter]
    [ValidateRange(0L, int.MaxValue)]
    public long? OutboundKiBPerSec { get; set; }

    /// <summary>The filter of the host for its packets; empty: none.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(NetworkFilterCompleter))]
    [AllowEmptyString]
    public string? Filter { get; set; }

    /// <summary>Also writes the adapter as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override string Verb => "Change";

    private AdapterSettings Settings => new()
    {
        Network = NetworkName,
        Bridge = Bridge,
        IsConnected = Connected,
        Vlan = Vlan,
        InboundKiBPerSec = InboundKiBPerSec,
        OutboundKiBPerSec = OutboundKiBPerSec,
        Filter = Filter,
    };

    private protected override void Prepare()
    {
        base.Prepare();
        if (Settings == new AdapterSettings())
        {
            const string message = "There is nothing to set.";
            ThrowTerminatingError(new ErrorRecord(
                new ValidationMetadataException(message), "NothingToSet", ErrorCategory.InvalidArgument, null)
            {
                ErrorDetails = new ErrorDetails(message)
                {
                    RecommendedAction = "Give -NetworkName, -Bridge, -Connected, -Vlan, -Filter, -InboundKiBPerSec or -OutboundKiBPerSec.",
                },
            });
        }
    }

    private protected override async Task<ActionResult> ActAsync(KumoiNetworkAdapter adapter, CancellationToken cancellationToken)
    {
        var changed = await VMAdapters.SetAsync(adapter, Settings, cancellationToken);
        return new ActionResult(PassThru ? [changed] : []);
    }
}
