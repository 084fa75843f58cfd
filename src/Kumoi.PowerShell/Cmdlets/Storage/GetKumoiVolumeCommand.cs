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
    [Parameter(Position = 0)]
    [SupportsWildcards]
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

    protected override void ProcessRecord()
    {
        var pools = ParameterSetName == "Pool" ? Pool : FindPools(FindHosts(VMHost), StoragePool).Where(static pool => pool.IsActive);
        foreach (var volume in FindVolumes([.. pools], Name))
        {
            WriteObject(volume);
        }
    }
}
