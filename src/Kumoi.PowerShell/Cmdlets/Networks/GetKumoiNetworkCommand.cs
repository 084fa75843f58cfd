using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gets the virtual networks of hosts.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiNetwork")]
[OutputType(typeof(KumoiNetwork))]
public sealed class GetKumoiNetworkCommand : FleetCmdlet
{
    private readonly List<KumoiConnection> _hosts = [];

    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(NetworkNameCompleter))]
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
        foreach (var network in FindNetworks(_hosts, Name, anywhere: true))
        {
            WriteObject(network);
        }
    }
}
