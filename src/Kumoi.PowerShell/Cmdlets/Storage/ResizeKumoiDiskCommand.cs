using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Makes disks of VMs bigger.</summary>
[Cmdlet(VerbsCommon.Resize, "KumoiDisk", SupportsShouldProcess = true, DefaultParameterSetName = ByTarget)]
[OutputType(typeof(KumoiDisk))]
public sealed class ResizeKumoiDiskCommand : DiskActionCmdlet
{
    /// <summary>What the guest sees then, in bytes.</summary>
    [Parameter(Mandatory = true)]
    [ValidateRange(1, 1L << 56)]
    public long SizeBytes { get; set; }

    /// <summary>Also writes the disk as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override string Verb => FormattableString.Invariant($"Resize to {SizeBytes / 1073741824.0:0.###} GiB");

    private protected override async Task<ActionResult> ActAsync(KumoiDisk disk, CancellationToken cancellationToken)
    {
        var resized = await VMDisks.ResizeAsync(disk, SizeBytes, cancellationToken);
        return new ActionResult(PassThru ? [resized] : []);
    }
}
