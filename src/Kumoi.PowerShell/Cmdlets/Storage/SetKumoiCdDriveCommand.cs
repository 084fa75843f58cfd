using System.Collections.Concurrent;
using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Puts discs into the CD drives of VMs, and takes them out.</summary>
[Cmdlet(VerbsCommon.Set, "KumoiCdDrive", SupportsShouldProcess = true, DefaultParameterSetName = "Path")]
[OutputType(typeof(KumoiVM))]
public sealed class SetKumoiCdDriveCommand : VMActionCmdlet
{
    private readonly ConcurrentDictionary<KumoiVM, string> _before = new(ReferenceEqualityComparer.Instance);

    /// <summary>Path, on the host, of the disc's image.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = "Path")]
    [ValidateNotNullOrEmpty]
    public string? Path { get; set; }

    /// <summary>Takes the disc out.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Eject")]
    public SwitchParameter Eject { get; set; }

    /// <summary>The drive, such as sda; needed where the VM has several.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(DiskTargetCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Target { get; set; }

    /// <summary>Also when the guest has locked the drive.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override bool MeansAnyElement => false;

    private protected override string Verb => Path is null ? "Eject the disc" : $"Put '{Path}' into the CD drive";

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken)
    {
        _before[vm] = await VMDisks.SetCdDriveAsync(vm, Target, Path, Force, cancellationToken) ?? "";
        return await VMActions.ReadAgainAsync(vm, CancellationToken.None);
    }

    private protected override Func<KumoiConnection?, Task>? UndoOf(KumoiVM vm) =>
        _before.TryGetValue(vm, out var before)
            ? async movedTo => await VMDisks.SetCdDriveAsync(
                vm.At(movedTo), Target, before.Length > 0 ? before : null, Force, CancellationToken.None)
            : null;
}
