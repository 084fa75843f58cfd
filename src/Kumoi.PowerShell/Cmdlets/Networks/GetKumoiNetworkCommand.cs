using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gets the virtual networks of hosts.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiNetwork")]
[OutputType(typeof(KumoiNetwork))]
public sealed class GetKumoiNetworkCommand : HostPartCmdlet<KumoiNetwork>
{
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(NetworkNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    private protected override IEnumerable<KumoiNetwork> Read(IReadOnlyList<KumoiConnection> hosts) =>
        FindNetworks(hosts, Name, anywhere: true);
}
