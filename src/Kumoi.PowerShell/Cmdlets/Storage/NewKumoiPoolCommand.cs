using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Makes storage pools on hosts. What is there already stays, and is in them.</summary>
[Cmdlet(VerbsCommon.New, "KumoiPool", SupportsShouldProcess = true, DefaultParameterSetName = OfDirectory)]
[OutputType(typeof(KumoiPool))]
public sealed class NewKumoiPoolCommand : ActionCmdlet
{
    private const string OfDirectory = "Directory";
    private const string OfNfs = "Nfs";
    private const string OfVolumeGroup = "VolumeGroup";

    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = "";

    /// <summary>The hosts, on each of which one is made.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>A directory of the host, which is made if it is not there; what a server exports is mounted there.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = OfDirectory)]
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = OfNfs)]
    [ValidateNotNullOrEmpty]
    public string Path { get; set; } = "";

    /// <summary>The server that exports it by NFS.</summary>
    [Parameter(Mandatory = true, ParameterSetName = OfNfs)]
    [ValidateNotNullOrEmpty]
    public string SourceHost { get; set; } = "";

    /// <summary>What the server exports.</summary>
    [Parameter(Mandatory = true, ParameterSetName = OfNfs)]
    [ValidateNotNullOrEmpty]
    public string SourcePath { get; set; } = "";

    /// <summary>A volume group of LVM that the host has.</summary>
    [Parameter(Mandatory = true, ParameterSetName = OfVolumeGroup)]
    [ValidateNotNullOrEmpty]
    public string VolumeGroup { get; set; } = "";

    /// <summary>It is only defined.</summary>
    [Parameter]
    public SwitchParameter NoStart { get; set; }

    /// <summary>The host does not start it when the host itself starts.</summary>
    [Parameter]
    public SwitchParameter NoAutoStart { get; set; }

    private protected override bool MeansAnyElement => false;

    private protected override IEnumerable<ActionRequest> CreateRequests()
    {
        var spec = new PoolSpec
        {
            Name = Name,
            Kind = ParameterSetName switch
            {
                OfNfs => PoolKind.Nfs,
                OfVolumeGroup => PoolKind.VolumeGroup,
                _ => PoolKind.Directory,
            },
            Path = Path.Length > 0 ? Path : null,
            SourceHost = SourceHost.Length > 0 ? SourceHost : null,
            Source = SourcePath.Length > 0 ? SourcePath : VolumeGroup.Length > 0 ? VolumeGroup : null,
            IsStarted = !NoStart,
            IsAutostart = !NoAutoStart,
        };
        foreach (var reference in VMHost)
        {
            foreach (var host in FindHosts([reference]))
            {
                yield return new ActionRequest.OnWorker
                {
                    Target = reference.Host ?? (object)host.Name,
                    ShouldProcessTarget = host.Name,
                    Verb = $"Make the storage pool '{Name}' of '{spec.Path ?? spec.Source}'",
                    Origin = LineageSource.OriginOf(reference.Host),
                    Work = async (_, token) =>
                    {
                        var made = await HostPools.CreateAsync(host, spec, token);
                        return new ActionResult([made], _ => HostPools.RemoveAsync(made, CancellationToken.None));
                    },
                };
            }
        }
    }
}
