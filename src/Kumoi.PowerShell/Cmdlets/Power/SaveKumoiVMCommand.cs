using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Writes the memory of VMs to their hosts and turns them off; Start-KumoiVM goes on from there.</summary>
[Cmdlet(VerbsData.Save, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class SaveKumoiVMCommand : VMActionCmdlet
{
    private protected override bool MeansAnyElement => false;

    private protected override string Verb => "Save";

    private protected override async Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken) =>
        await VMActions.SaveAsync(vm, cancellationToken);

    private protected override Func<KumoiConnection?, Task>? UndoOf(KumoiVM vm) => async movedTo =>
    {
        var saved = vm.At(movedTo);
        await VMActions.EnsureOnlyCopyAsync(Fleet, saved, resumes: false, CancellationToken.None);
        await VMActions.StartAsync(saved, paused: false, CancellationToken.None); // paused, if it was when it was saved
    };
}
