using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Stops the CPUs of VMs; their memory stays.</summary>
[Cmdlet(VerbsLifecycle.Suspend, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class SuspendKumoiVMCommand : VMActionCmdlet
{
    private protected override bool MeansAnyElement => false;

    private protected override string Verb => "Suspend";

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken) =>
        await VMActions.SuspendAsync(vm, cancellationToken);

    private protected override Func<KumoiConnection?, Task>? UndoOf(KumoiVM vm) => async movedTo =>
    {
        var suspended = vm.At(movedTo);
        await VMActions.EnsureOnlyCopyAsync(Fleet, suspended, resumes: true, CancellationToken.None);
        await VMActions.ResumeAsync(suspended, CancellationToken.None);
    };
}
