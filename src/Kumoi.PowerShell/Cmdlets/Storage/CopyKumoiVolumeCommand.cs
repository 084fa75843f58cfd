using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Makes copies of volumes on their hosts, which need nothing else.</summary>
[Cmdlet(VerbsCommon.Copy, "KumoiVolume", SupportsShouldProcess = true, DefaultParameterSetName = ByName)]
[OutputType(typeof(KumoiVolume))]
public sealed class CopyKumoiVolumeCommand : VolumeActionCmdlet
{
    /// <summary>The copy's name in its pool.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ValidateNotNullOrEmpty]
    public string NewName { get; set; } = "";

    /// <summary>The storage pool of the copy; else that of the volume.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(PoolNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string? TargetPool { get; set; }

    /// <summary>Of the copy; else as the volume's.</summary>
    [Parameter]
    [ValidateSet("qcow2", "raw")]
    public string? Format { get; set; }

    /// <summary>What the volume is; else as its pool sees it. One that is built on another is copied only if this is said.</summary>
    [Parameter]
    [ValidateSet("qcow2", "raw")]
    public string? SourceFormat { get; set; }

    private protected override string Verb => $"Copy as '{NewName}'{(TargetPool is null ? "" : $" to '{TargetPool}'")}";

    private protected override async Task<ActionResult> ActAsync(
        KumoiVolume volume, ActionProgress progress, CancellationToken cancellationToken)
    {
        var made = await HostStorage.CopyVolumeAsync(volume, TargetPool, NewName, SourceFormat, Format, cancellationToken);
        return new ActionResult([made], _ => HostStorage.RemoveVolumeAsync(made, CancellationToken.None));
    }
}
