using System.Management.Automation;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that does something with storage pools, which come as objects, or by name and host.</summary>
public abstract class PoolActionCmdlet : ActionCmdlet
{
    private protected const string ByPool = "Pool";
    private protected const string ByName = "Name";

    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByName)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PoolNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>The hosts that have it.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByName)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Storage pools, from Get-KumoiPool.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = ByPool)]
    [ValidateNotNullOrEmpty]
    public KumoiPool[] Pool { get; set; } = [];

    private protected sealed override bool MeansAnyElement => false;

    private protected abstract string Verb { get; }

    private protected abstract Task<ActionResult> ActAsync(KumoiPool pool, CancellationToken cancellationToken);

    private protected sealed override IEnumerable<ActionRequest> CreateRequests()
    {
        var pools = ParameterSetName == ByPool ? Pool : FindPools(FindHosts(VMHost), Name);
        foreach (var pool in pools.ToList())
        {
            yield return new ActionRequest.OnWorker
            {
                Target = pool,
                ShouldProcessTarget = $"'{pool.Name}' on {pool.VMHost}",
                Verb = Verb,
                Work = (_, token) => ActAsync(pool, token),
            };
        }
    }
}
