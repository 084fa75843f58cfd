using System.Management.Automation;
using System.Xml.Linq;
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
        var cpus = IsGiven(nameof(CpuCount)) ? CpuCount : (int?)null;
        var memory = IsGiven(nameof(MemoryBytes)) ? MemoryBytes : (long?)null;
        var description = Description;
        var tags = IsGiven(nameof(Tag)) ? Tag : null;
        var needsAdapter = IPAddress is not null;
        return new CopyOptions
        {
            Start = Start,
            Linked = Linked,
            IsAutostart = AutoStart,
            Seeds = seed is null ? [] : [new DiskSpec { Content = seed.Value.Image, IsCd = true, StoragePool = StoragePool }],
            MacAddress = seed?.MacAddress,
            Change = domain => Change(domain, cpus, memory, description, tags, needsAdapter),
        };
    }

    private static void Change(
        XElement domain, int? cpus, long? memory, string? description, IReadOnlyList<string>? tags, bool needsAdapter)
    {
        if (needsAdapter && !AdapterDefinition.Of(domain).Any())
        {
            throw new HypervisorException(
                "An address belongs to a network card, and the template has none.", FaultDomain.VM,
                error: HypervisorError.InvalidSpecification, recommendedAction: "Leave out -IPAddress.");
        }

        if (cpus is { } count)
        {
            domain.Elements("vcpus").Remove();
            domain.Elements("cpu").Elements("topology").Remove();
            domain.SetElementValue("vcpu", count);
            domain.Element("vcpu")!.Attributes("current").Remove();
        }

        if (memory is { } bytes)
        {
            domain.Elements("currentMemory").Remove();
            domain.SetElementValue("memory", bytes);
            domain.Element("memory")!.SetAttributeValue("unit", "b");
        }

        if (description is not null)
        {
            domain.SetElementValue("description", description);
        }

        if (tags is not null)
        {
            TagMetadata.Set(domain, tags);
        }
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
