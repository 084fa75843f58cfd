using System.Management.Automation;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that does something with virtual networks, which come as objects, or by name and host.</summary>
public abstract class NetworkActionCmdlet : ActionCmdlet
{
    private protected const string ByNetwork = "Network";
    private protected const string ByName = "Name";

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByName)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(NetworkNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>The hosts that have it.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByName)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Virtual networks, from Get-KumoiNetwork.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = ByNetwork)]
    [ValidateNotNullOrEmpty]
    public KumoiNetwork[] Network { get; set; } = [];

    private protected sealed override bool MeansAnyElement => false;

    private protected abstract string Verb { get; }

    private protected abstract Task<ActionResult> ActAsync(KumoiNetwork network, CancellationToken cancellationToken);

    private protected sealed override IEnumerable<ActionRequest> CreateRequests()
    {
        var networks = ParameterSetName == ByNetwork ? Network : FindNetworks(FindHosts(VMHost), Name);
        foreach (var network in networks.ToList())
        {
            yield return new ActionRequest.OnWorker
            {
                Target = network,
                ShouldProcessTarget = $"'{network.Name}' on {network.VMHost}",
                Verb = Verb,
                Work = (_, token) => ActAsync(network, token),
            };
        }
    }
}
