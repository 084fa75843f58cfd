using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Gives VMs that are off other names.</summary>
[Cmdlet(VerbsCommon.Rename, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class RenameKumoiVMCommand : VMActionCmdlet
{
    /// <summary>The new name; for VMs from a pipeline a script block may make it of each: { $_.Name -replace '^test', 'web' }.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string NewName { get; set; } = "";

    private protected override bool MeansAnyElement => false;

    private protected override string Verb => $"Rename to '{NewName}'";

    private protected override Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken) =>
        Bind()(vm, progress, cancellationToken);

    private protected override Func<KumoiVM, ActionProgress, CancellationToken, Task<KumoiVM?>> Bind()
    {
        var name = NewName;
        return async (vm, _, token) => await VMActions.RenameAsync(vm, name, token);
    }

    private protected override Func<KumoiConnection?, Task>? UndoOf(KumoiVM vm) =>
        async movedTo => await VMActions.RenameAsync(vm.At(movedTo), vm.Name, CancellationToken.None);
}
