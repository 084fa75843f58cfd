using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gets the filters of hosts for the packets of network adapters.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiNetworkFilter")]
[OutputType(typeof(KumoiNetworkFilter))]
public sealed class GetKumoiNetworkFilterCommand : HostPartCmdlet<KumoiNetworkFilter>
{
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(NetworkFilterCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    private protected override IEnumerable<KumoiNetworkFilter> Read(IReadOnlyList<KumoiConnection> hosts) =>
        FindFilters(hosts, Name);
}
