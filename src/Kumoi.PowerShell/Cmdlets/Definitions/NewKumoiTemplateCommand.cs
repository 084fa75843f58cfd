using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Makes templates of copies of VMs that are off, on the same host. The VMs stay as they are.</summary>
[Cmdlet(VerbsCommon.New, "KumoiTemplate", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiTemplate))]
public sealed class NewKumoiTemplateCommand : ActionCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    /// <summary>The template's name. For VMs from a pipeline a script block may make it of each.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string NewName { get; set; } = "";

    /// <summary>Where to look for VMs that are given by name; else on all connected hosts.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    private protected override bool MeansAnyElement => false;

    private protected override IEnumerable<ActionRequest> CreateRequests()
    {
        var name = NewName;
        foreach (var vm in FindVMs(VM, VMHost))
        {
            yield return new ActionRequest.OnWorker
            {
                Target = vm,
                ShouldProcessTarget = $"{vm.Name} on {vm.VMHost}",
                Verb = $"Copy as template '{name}'",
                Origin = LineageSource.OriginOf(vm),
                Work = async (_, token) =>
                {
                    var operation = OperationId.New();
                    var template = await VMActions.MakeTemplateAsync(vm, name, operation, token);
                    return new ActionResult([template], _ => VMActions.UndoCreationAsync(vm.Connection, template.Name, operation));
                },
            };
        }
    }
}
