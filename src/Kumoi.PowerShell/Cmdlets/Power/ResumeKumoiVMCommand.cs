using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Lets suspended VMs run on.</summary>
[Cmdlet(VerbsLifecycle.Resume, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class ResumeKumoiVMCommand : VMActionCmdlet
{
    private readonly CopyCheck _copies = new();

    /// <summary>Resumes a VM although a copy of it runs on another host, or may.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override string Verb => "Resume";

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken)
    {
        if (!Force)
        {
            await _copies.TellAsync(
                await VMActions.EnsureOnlyCopyAsync(Fleet, vm, resumes: true, cancellationToken), progress, cancellationToken);
        }

        return await VMActions.ResumeAsync(vm, cancellationToken);
    }

    private protected override Func<KumoiConnection?, Task>? UndoOf(KumoiVM vm) =>
        movedTo => VMActions.SuspendAsync(vm.At(movedTo), CancellationToken.None);
}
