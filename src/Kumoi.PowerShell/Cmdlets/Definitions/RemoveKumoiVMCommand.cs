using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Removes VMs. Their disks stay unless -RemoveDisk.</summary>
[Cmdlet(VerbsCommon.Remove, "KumoiVM", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(KumoiVM))]
public sealed class RemoveKumoiVMCommand : VMActionCmdlet
{
    /// <summary>Turns a running VM off first, and does not ask.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Deletes the volumes of its writable disks too.</summary>
    [Parameter]
    public SwitchParameter RemoveDisk { get; set; }

    private protected override bool MeansAnyElement => false;

    private protected override string Verb => RemoveDisk ? "Remove with its disks" : "Remove";

    private protected override bool AsksFirst => !Force;

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken)
    {
        await VMActions.RemoveAsync(vm, Force, RemoveDisk, cancellationToken);
        return vm;
    }
}
