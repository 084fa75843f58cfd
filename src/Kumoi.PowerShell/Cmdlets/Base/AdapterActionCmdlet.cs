using System.Management.Automation;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that does something with network adapters of VMs, which come as objects, or by VM and MAC address.</summary>
public abstract class AdapterActionCmdlet : ActionCmdlet
{
    private protected const string ByAdapter = "NetworkAdapter";
    private protected const string ByAddress = "MacAddress";

    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = ByAddress)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    /// <summary>The adapter's address, such as 52:54:00:12:34:56.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = ByAddress)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(MacAddressCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] MacAddress { get; set; } = [];

    /// <summary>Where to look for VMs that are given by name; else on all connected hosts.</summary>
    [Parameter(ParameterSetName = ByAddress)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = ByAdapter)]
    [ValidateNotNullOrEmpty]
    public KumoiNetworkAdapter[] NetworkAdapter { get; set; } = [];

    private protected sealed override bool MeansAnyElement => false;

    private protected abstract string Verb { get; }

    private protected abstract Task<ActionResult> ActAsync(KumoiNetworkAdapter adapter, CancellationToken cancellationToken);

    private protected sealed override IEnumerable<ActionRequest> CreateRequests()
    {
        var adapters = ParameterSetName == ByAdapter ? NetworkAdapter : FindAdapters([.. FindVMs(VM, VMHost)], MacAddress);
        foreach (var adapter in adapters.ToList())
        {
            yield return new ActionRequest.OnWorker
            {
                Target = adapter,
                ShouldProcessTarget =
                    $"{adapter.MacAddress} ({adapter.Source ?? adapter.Kind.ToString()}) of {adapter.VM} on {adapter.VMHost}",
                Verb = Verb,
                Work = (_, token) => ActAsync(adapter, token),
            };
        }
    }
}
