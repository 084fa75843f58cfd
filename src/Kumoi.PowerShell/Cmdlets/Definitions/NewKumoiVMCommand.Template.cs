using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <content>VMs that are made of templates.</content>
public sealed partial class NewKumoiVMCommand
{
    private const string ByTemplate = "Template";

    /// <summary>The name of a template, which each of the hosts has: one that has none fails, and is replaced as others are.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ByTemplate)]
    [ArgumentCompleter(typeof(TemplateNameCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Template { get; set; }

    private void PrepareTemplate()
    {
        if (Template is not null && Speculative)
        {
            Refuse(
                "A VM of a template is made where the template is, and not on several hosts at once.", "TemplateAlone",
                "Leave out -Speculative: a host that fails is replaced by the next of the pipeline.");
        }
    }

    private CopyOptions FromTemplate()
    {
        var seed = Seed(Name ?? "");
        return new CopyOptions
        {
            Start = Start,
            Linked = Linked,
            IsAutostart = AutoStart,
            Seeds = seed is null ? [] : [new DiskSpec { Content = seed.Value.Image, IsCd = true, StoragePool = StoragePool }],
            MacAddress = seed?.MacAddress,
            Change = new DefinitionChange
            {
                CpuCount = IsGiven(nameof(CpuCount)) ? CpuCount : null,
                MemoryBytes = IsGiven(nameof(MemoryBytes)) ? MemoryBytes : null,
                Description = Description,
                Tags = IsGiven(nameof(Tag)) ? Tag : null,
                NeedsAdapter = IPAddress is not null,
            }.Apply,
        };
    }

    private ActionRequest.OnWorker TemplateRequest(KumoiConnection host, KumoiHost? given, string name, CopyOptions options)
    {
        var template = Template!;
        return new ActionRequest.OnWorker
        {
            Target = given ?? (object)host.Name,
            ShouldProcessTarget = host.Name,
            Verb = $"Create {(options.Linked ? "linked " : "")}{(options.Start ? "and start " : "")}VM '{name}' of template '{template}'",
            Origin = LineageSource.OriginOf(given),
            Work = async (_, token) =>
            {
                var operation = OperationId.New();
                var vm = await VMActions.CreateFromTemplateAsync(host, template, name, options, operation, token);
                KumoiSession.NoteMade(vm.Id);
                return new ActionResult([vm], movedTo => VMActions.UndoCreationAsync(movedTo ?? host, vm.Name, operation));
            },
        };
    }
}
