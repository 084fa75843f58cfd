using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Makes volumes that no VM uses bigger.</summary>
[Cmdlet(VerbsCommon.Resize, "KumoiVolume", SupportsShouldProcess = true, DefaultParameterSetName = ByName)]
[OutputType(typeof(KumoiVolume))]
public sealed class ResizeKumoiVolumeCommand : VolumeActionCmdlet
{
    /// <summary>What a guest sees then, in bytes.</summary>
    [Parameter(Mandatory = true)]
    [ValidateRange(1, 1L << 56)]
    public long SizeBytes { get; set; }

    /// <summary>Also writes the volume as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override string Verb => FormattableString.Invariant($"Resize to {SizeBytes / 1073741824.0:0.###} GiB");

    private protected override async Task<ActionResult> ActAsync(
        KumoiVolume volume, ActionProgress progress, CancellationToken cancellationToken)
    {
        var resized = await HostStorage.ResizeVolumeAsync(volume, SizeBytes, cancellationToken);
        return new ActionResult(PassThru ? [resized] : []);
    }
}
