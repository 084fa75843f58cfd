using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gets the filters of hosts for the packets of network adapters.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiNetworkFilter")]
[OutputType(typeof(KumoiNetworkFilter))]
public sealed class GetKumoiNetworkFilterCommand : FleetCmdlet
{
    private readonly List<KumoiConnection> _hosts = [];

    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(NetworkFilterCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>Only of these hosts.</summary>
    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Whether a name is missing is known at the end.</summary>
    protected override void ProcessRecord() => _hosts.AddRange(FindHosts(VMHost));

    protected override void EndProcessing()
    {
        foreach (var filter in FindFilters(_hosts, Name))
        {
            WriteObject(filter);
        }
    }
}
