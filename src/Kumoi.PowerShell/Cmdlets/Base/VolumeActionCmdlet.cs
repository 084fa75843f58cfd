using System.Management.Automation;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that does something with volumes, which come as objects, or by name, pool and host.</summary>
public abstract class VolumeActionCmdlet : ActionCmdlet
{
    private protected const string ByVolume = "Volume";
    private protected const string ByName = "Name";

    /// <summary>The volume's name in its pool.</summary>
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = ByName)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VolumeNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>The hosts that it is on.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByName)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] VMHost { get; set; } = [];

    [Parameter(ParameterSetName = ByName)]
    [ArgumentCompleter(typeof(PoolNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string StoragePool { get; set; } = "default";

    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = ByVolume)]
    [ValidateNotNullOrEmpty]
    public KumoiVolume[] Volume { get; set; } = [];

    private protected sealed override bool MeansAnyElement => false;

    private protected abstract string Verb { get; }

    private protected abstract Task<ActionResult> ActAsync(
        KumoiVolume volume, ActionProgress progress, CancellationToken cancellationToken);

    private protected sealed override IEnumerable<ActionRequest> CreateRequests()
    {
        var volumes = ParameterSetName == ByVolume
            ? Volume : FindVolumes([.. FindPools(FindHosts(VMHost), [StoragePool])], Name);
        foreach (var volume in volumes.ToList())
        {
            yield return new ActionRequest.OnWorker
            {
                Target = volume,
                ShouldProcessTarget = $"'{volume.Name}' in '{volume.StoragePool}' on {volume.VMHost}",
                Verb = Verb,
                Work = (progress, token) => ActAsync(volume, progress, token),
            };
        }
    }
}
