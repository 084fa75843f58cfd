using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Copies volumes of hosts to files of this computer.</summary>
[Cmdlet(VerbsData.Export, "KumoiVolume", SupportsShouldProcess = true, DefaultParameterSetName = ByName)]
[OutputType(typeof(FileInfo))]
public sealed class ExportKumoiVolumeCommand : VolumeActionCmdlet
{
    private int _lastId;

    /// <summary>The file, or a directory, in which it gets the volume's name.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ValidateNotNullOrEmpty]
    public string LocalPath { get; set; } = "";

    /// <summary>Replaces a file that is there.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override string Verb => $"Copy to '{LocalPath}'";

    private protected override void Prepare()
    {
        base.Prepare();
        LocalPath = GetUnresolvedProviderPathFromPSPath(LocalPath);
    }

    private protected override async Task<ActionResult> ActAsync(
        KumoiVolume volume, ActionProgress progress, CancellationToken cancellationToken)
    {
        var path = Directory.Exists(LocalPath) ? Path.Combine(LocalPath, volume.Name) : LocalPath;
        using var reporter = new CopyProgressReporter(
            progress, Interlocked.Increment(ref _lastId), $"Copying '{volume.Name}' of {volume.VMHost}", TimeProvider.System);
        await HostStorage.ExportVolumeAsync(volume, path, Force, reporter, cancellationToken);
        return new ActionResult([new FileInfo(path)]);
    }
}
