using System.Management.Automation;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets.Base;

/// <summary>A cmdlet that does something with each VM, which comes as an object or by name.</summary>
public abstract class VMActionCmdlet : ActionCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    /// <summary>Where to look for VMs that are given by name; else on all connected hosts.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>Also writes the VM as it is afterwards.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <summary>What ShouldProcess calls it.</summary>
    private protected abstract string Verb { get; }

    /// <summary>Does it, and returns the VM as it is afterwards; null if it is gone.</summary>
    private protected abstract Task<KumoiVM?> ActAsync(KumoiVM vm, ActionProgress progress, CancellationToken cancellationToken);

    /// <summary>
    /// <see cref="ActAsync"/> with the parameters as they are now. To be overridden where they differ from one VM of the pipeline to the
    /// next: the work is done later.
    /// </summary>
    private protected virtual Func<KumoiVM, ActionProgress, CancellationToken, Task<KumoiVM?>> Bind() => ActAsync;

    /// <summary>How to undo it when a later cmdlet of the pipeline fails on the VM; null: it has no inverse.</summary>
    private protected virtual Func<KumoiConnection?, Task>? UndoOf(KumoiVM vm) => null;

    private protected sealed override IEnumerable<ActionRequest> CreateRequests()
    {
        var act = Bind();
        foreach (var vm in FindVMs(VM, VMHost))
        {
            yield return new ActionRequest.OnWorker
            {
                Target = vm,
                ShouldProcessTarget = $"{vm.Name} on {vm.VMHost}",
                Verb = Verb,
                Origin = LineageSource.OriginOf(vm),
                Work = async (progress, token) =>
                {
                    var after = await act(vm, progress, token);
                    return new ActionResult(PassThru && after is not null ? [after] : [], UndoOf(vm));
                },
            };
        }
    }
}
