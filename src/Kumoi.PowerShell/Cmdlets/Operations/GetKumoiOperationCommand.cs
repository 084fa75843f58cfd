using System.Management.Automation;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Parameters;
using Kumoi.Speculation.Repair;

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

    /// <summary>
    /// Only operations on several hosts that are not in the journal, or are no longer unfinished there, and that VMs of the connected hosts
    /// tell of all the same.
    /// </summary>
    [Parameter]
    public SwitchParameter Orphaned { get; set; }

    private protected override void Read(IJournal journal)
    {
        if (Orphaned)
        {
            ReadOrphans(journal);
            return;
        }

        var query = new OperationQuery { Ids = Id, States = Unfinished ? [OperationState.Pending] : State, After = After };
        var isOfHost = HostMatcher();
        var isOfVM = VMMatcher();
        var operations = Enumerate(token => journal.ReadOperationsAsync(query, token)).Where(operation =>
            (isOfHost(operation.VMHost) || (operation.Target is { } target && isOfHost(target))) && isOfVM(operation.VM, operation.VMId)
            && (!Unfinished || OperationRepair.IsLeft(operation)));
        foreach (var operation in Best(
            operations, operation => [operation.VMHost, operation.Target], operation => operation.VM, operation => operation.VMId))
        {
            WriteObject(operation);
        }
    }

    private void ReadOrphans(IJournal journal)
    {
        var isOfVM = VMMatcher();
        var repair = new OperationRepair(Fleet, journal, TimeProvider.System);
        var seen = new HashSet<Guid>();
        foreach (var host in Names.Choose(Fleet.Hosts, host => host.Name, [.. VMHost.Select(host => host.Name)]))
        {
            try
            {
                foreach (var orphan in Await(repair.FindOrphansAsync([host], StopToken)))
                {
                    if (seen.Add(orphan.Id) && (Id.Length == 0 || Id.Contains(orphan.Id)) && isOfVM(orphan.VM, orphan.VMId))
                    {
                        WriteObject(orphan);
                    }
                }
            }
            catch (HypervisorException e)
            {
                WriteFailure(e, host);
            }
        }
    }
}
