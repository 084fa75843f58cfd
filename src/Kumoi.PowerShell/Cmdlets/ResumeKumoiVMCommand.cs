using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Pumping;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Lets suspended VMs run on.</summary>
[Cmdlet(VerbsLifecycle.Resume, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class ResumeKumoiVMCommand : VMActionCmdlet
{
    private protected override string Verb => "Resume";

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, CancellationToken cancellationToken) =>
        await VMActions.ResumeAsync(vm, cancellationToken);

    private protected override Func<KumoiConnection?, Task>? UndoOf(KumoiVM vm) =>
        movedTo => VMActions.SuspendAsync(vm.At(movedTo), CancellationToken.None);
}
