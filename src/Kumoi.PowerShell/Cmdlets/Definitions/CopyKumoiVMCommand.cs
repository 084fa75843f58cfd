using System.Globalization;
using System.Management.Automation;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.PowerShell.Actions;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Completion;
using Kumoi.PowerShell.Lineage;
using Kumoi.PowerShell.Parameters;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Makes copies of VMs that are off, and of templates, on the same host: with an id, addresses and disks of their own.</summary>
[Cmdlet(VerbsCommon.Copy, "KumoiVM", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiVM))]
public sealed class CopyKumoiVMCommand : ActionCmdlet
{
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Name")]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(VMNameCompleter))]
    public VMReference[] VM { get; set; } = [];

    /// <summary>
    /// The copy's name. {0} in it is the number of the copy, and {0:d2} that in two digits; of several copies without it, -1, -2 and so on
    /// follow. For VMs from a pipeline a script block may make it of each.
    /// </summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string NewName { get; set; } = "";

    /// <summary>Where to look for VMs that are given by name; else on all connected hosts.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    [ValidateNotNullOrEmpty]
    public HostReference[] VMHost { get; set; } = [];

    /// <summary>How many copies of each.</summary>
    [Parameter]
    [ValidateRange(1, 1000)]
    public int Count { get; set; } = 1;

    /// <summary>
    /// Of templates: the disks of the copies hold only what they change, and are built on the template's. They are made at once, however
    /// big those are.
    /// </summary>
    [Parameter]
    public SwitchParameter Linked { get; set; }

    /// <summary>Starts the copies too. One that does not start is removed again.</summary>
    [Parameter]
    public SwitchParameter Start { get; set; }

    private protected override bool MeansAnyElement => false;

    private protected override IEnumerable<ActionRequest> CreateRequests()
    {
        List<string> names;
        try
        {
            names = [.. Enumerable.Range(1, Count).Select(NameOf)];
        }
        catch (FormatException)
        {
            var message = $"'{NewName}' is no pattern of names.";
            WriteError(new ErrorRecord(new ValidationMetadataException(message), "InvalidPattern", ErrorCategory.InvalidArgument, NewName)
            {
                ErrorDetails = new ErrorDetails(message)
                {
                    RecommendedAction = "{0} stands for the number, {0:d2} for the number in two digits; a brace itself is written twice.",
                },
            });
            yield break;
        }

        foreach (var vm in FindVMs(VM, VMHost, withTemplates: true))
        {
            foreach (var name in names)
            {
                yield return Request(vm, name);
            }
        }
    }

    private string NameOf(int number) =>
        NewName.Contains('{', StringComparison.Ordinal) ? string.Format(CultureInfo.InvariantCulture, NewName, number)
        : Count == 1 ? NewName : FormattableString.Invariant($"{NewName}-{number}");

    private ActionRequest.OnWorker Request(KumoiVM vm, string name)
    {
        bool start = Start, linked = Linked;
        return new ActionRequest.OnWorker
        {
            Target = vm,
            ShouldProcessTarget = $"{vm.Name} on {vm.VMHost}",
            Verb = $"Copy {(linked ? "linked " : "")}{(start ? "and start " : "")}as '{name}'",
            Origin = LineageSource.OriginOf(vm),
            Work = async (_, token) =>
            {
                var operation = OperationId.New();
                var host = vm.Connection;
                var copy = await VMActions.CloneAsync(
                    vm, host, name, new CopyOptions { Start = start, Linked = linked }, operation, token);
                KumoiSession.NoteMade(copy.Id);
                return new ActionResult([copy], movedTo => VMActions.UndoCreationAsync(movedTo ?? host, copy.Name, operation));
            },
        };
    }
}
