using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gets the storage pools of hosts.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiPool")]
[OutputType(typeof(KumoiPool))]
public sealed class GetKumoiPoolCommand : HostPartCmdlet<KumoiPool>
{
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PoolNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    private protected override IEnumerable<KumoiPool> Read(IReadOnlyList<KumoiConnection> hosts) =>
        FindPools(hosts, Name, anywhere: true);
}
