using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Makes volumes on hosts of image files of this computer.</summary>
[Cmdlet(VerbsData.Import, "KumoiVolume", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVolume))]
public sealed class ImportKumoiVolumeCommand : ActionCmdlet
{
    private int _lastId;

    /// <summary>The image file.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [Alias("FullName")]
    [ValidateNotNullOrEmpty]
    public string[] LocalPath { get; set; } = [];

    /// <summary>The hosts, on each of which one is made.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>The volume's name in its pool; else the file's.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    public string? VolumeName { get; set; }

    [Parameter]
    [ArgumentCompleter(typeof(PoolNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string StoragePool { get; set; } = "default";

    private protected override bool MeansAnyElement => false;

    private protected override IEnumerable<ActionRequest> CreateRequests()
    {
        foreach (var path in LocalPath.Select(GetUnresolvedProviderPathFromPSPath))
        {
            foreach (var reference in VMHost)
            {
                foreach (var host in FindHosts([reference]))
                {
                    yield return RequestFor(path, reference, host);
                }
            }
        }
    }

    private ActionRequest RequestFor(string path, HostReference reference, KumoiConnection host)
    {
        var name = VolumeName ?? Path.GetFileName(path);
        return new ActionRequest.OnWorker
        {
            Target = reference.Host ?? (object)host.Name,
            ShouldProcessTarget = $"'{StoragePool}' on {host.Name}",
            Verb = $"Make the volume '{name}' of '{path}'",
            Origin = LineageSource.OriginOf(reference.Host),
            Work = async (progress, token) =>
            {
                using var reporter = new CopyProgressReporter(
                    progress, Interlocked.Increment(ref _lastId), $"Copying '{path}' to {host.Name}", TimeProvider.System);
                var made = await HostStorage.ImportVolumeAsync(host, StoragePool, name, path, reporter, token);
                return new ActionResult([made], _ => HostStorage.RemoveVolumeAsync(made, CancellationToken.None));
            },
        };
    }
}
