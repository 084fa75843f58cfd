using System.Management.Automation;
using Kumoi.Journal;
using Kumoi.PowerShell.Pumping;
using Kumoi.Speculation;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Reads operations out of the journal: what was intended, and what became of it.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiOperation")]
[OutputType(typeof(KumoiOperation))]
public sealed class GetKumoiOperationCommand : JournalCmdlet
{
    [Parameter(Position = 0)]
    public Guid[] Id { get; set; } = [];

    [Parameter]
    public OperationState[] State { get; set; } = [];

    /// <summary>Only operations that began at this moment or later.</summary>
    [Parameter]
    public DateTime? After { get; set; }

    /// <summary>Only operations that have not ended, and on which no process is known to work any more.</summary>
    [Parameter]
    public SwitchParameter Unfinished { get; set; }

    private protected override void Read(IJournal journal)
    {
        var query = new OperationQuery { Ids = Id, States = Unfinished ? [OperationState.Pending] : State, After = After };
        var isOfHost = HostMatcher();
        var isOfVM = VMMatcher();
        foreach (var operation in Enumerate(token => journal.ReadOperationsAsync(query, token)))
        {
            if ((isOfHost(operation.VMHost) || (operation.Target is { } target && isOfHost(target))) && isOfVM(operation.VM, operation.VMId)
                && (!Unfinished || IsLeft(operation)))
            {
                WriteObject(operation);
            }
        }
    }

    private static bool IsLeft(KumoiOperation operation) =>
        !SpeculativeMigration.IsUnderWay(operation.Id) && (operation.Owner == OperationOwner.Current || operation.Owner.IsAlive is not true);
}
