using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gets the storage pools of hosts.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiPool")]
[OutputType(typeof(KumoiPool))]
public sealed class GetKumoiPoolCommand : FleetCmdlet
{
    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PoolNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>Only of these hosts.</summary>
    [Parameter(ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    protected override void ProcessRecord()
    {
        foreach (var pool in FindPools(FindHosts(VMHost), Name))
        {
            WriteObject(pool);
        }
    }
}
