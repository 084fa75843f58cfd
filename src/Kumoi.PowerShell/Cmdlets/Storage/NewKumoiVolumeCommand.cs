using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Makes volumes in storage pools of hosts.</summary>
[Cmdlet(VerbsCommon.New, "KumoiVolume", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVolume))]
public sealed class NewKumoiVolumeCommand : ActionCmdlet
{
    /// <summary>The volume's name in its pool.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ValidateNotNullOrEmpty]
    public string Name { get; set; } = "";

    /// <summary>The hosts, on each of which one is made.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>What a guest sees, in bytes.</summary>
    [Parameter(Mandatory = true)]
    [ValidateRange(1L << 20, 1L << 56)]
    public long SizeBytes { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(PoolNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string StoragePool { get; set; } = "default";

    [Parameter]
    [ValidateSet("qcow2", "raw")]
    public string Format { get; set; } = "qcow2";

    private protected override bool MeansAnyElement => false;

    private protected override IEnumerable<ActionRequest> CreateRequests()
    {
        foreach (var reference in VMHost)
        {
            foreach (var host in FindHosts([reference]))
            {
                yield return new ActionRequest.OnWorker
                {
                    Target = reference.Host ?? (object)host.Name,
                    ShouldProcessTarget = $"'{StoragePool}' on {host.Name}",
                    Verb = FormattableString.Invariant($"Make the volume '{Name}' of {SizeBytes / 1073741824.0:0.###} GiB"),
                    Origin = LineageSource.OriginOf(reference.Host),
                    Work = async (_, token) =>
                    {
                        var made = await HostStorage.CreateVolumeAsync(host, StoragePool, Name, Format, SizeBytes, token);
                        return new ActionResult([made], _ => HostStorage.RemoveVolumeAsync(made, CancellationToken.None));
                    },
                };
            }
        }
    }
}
