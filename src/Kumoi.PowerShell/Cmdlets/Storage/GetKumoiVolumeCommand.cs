using System.Management.Automation;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gets the volumes of storage pools.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiVolume", DefaultParameterSetName = "Name")]
[OutputType(typeof(KumoiVolume))]
public sealed class GetKumoiVolumeCommand : FleetCmdlet
{
    private readonly List<KumoiConnection> _hosts = [];
    private readonly List<KumoiPool> _pools = [];

    [Parameter(Position = 0)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VolumeNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>Only of storage pools of these names; else of all that are active.</summary>
    [Parameter(ParameterSetName = "Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(PoolNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] StoragePool { get; set; } = [];

    /// <summary>Only of these hosts.</summary>
    [Parameter(ParameterSetName = "Name", ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Storage pools, from Get-KumoiPool.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = "Pool")]
    [ValidateNotNullOrEmpty]
    public KumoiPool[] Pool { get; set; } = [];

    /// <summary>Whether a name is missing is known at the end.</summary>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == "Pool")
        {
            _pools.AddRange(Pool);
        }
        else
        {
            _hosts.AddRange(FindHosts(VMHost));
        }
    }

    protected override void EndProcessing()
    {
        var pools = FindPools(_hosts, StoragePool, anywhere: true).Where(static pool => pool.IsActive).Concat(_pools);
        foreach (var volume in FindVolumes([.. pools], Name, anywhere: true))
        {
            WriteObject(volume);
        }
    }
}
