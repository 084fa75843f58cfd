using System.Management.Automation;
using Kumoi.Journal;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Session;
using Kumoi.Speculation.Repair;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>
/// Finishes, or takes back, operations on several hosts that nobody works on any more. It leaves exactly one copy of the VM, or does
/// nothing and says why.
/// </summary>
[Cmdlet(VerbsDiagnostic.Repair, "KumoiOperation", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RepairResult))]
public sealed class RepairKumoiOperationCommand : StepwiseCmdlet
{
    private readonly List<KumoiOperation> _forJob = [];

    /// <summary>The operation, or its id.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Operation")]
    public Guid[] Id { get; set; } = [];

    /// <summary>The process that began it, and of which cannot be told from here whether it runs, is known not to run any more.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessRecord()
    {
        try
        {
            var journal = KumoiSession.Journal;
            foreach (var id in Id)
            {
                var found = Find(journal, id);
                if (found is null)
                {
                    WriteError(Errors.NotFound(
                        $"Neither the journal nor a VM of a connected host has an operation {id:D}.", id,
                        "Get-KumoiOperation -Unfinished and -Orphaned list those that can be repaired."));
                }
                else if (ShouldProcess(found.ToString(), "Repair"))
                {
                    if (IsForJob)
                    {
                        _forJob.Add(found);
                    }
                    else
                    {
                        Repair(journal, found);
                    }
                }
            }
        }
        catch (JournalException e)
        {
            ThrowTerminatingError(Errors.ToRecord(e, null));
        }
    }

    protected override void EndProcessing()
    {
        if (IsForJob)
        {
            HandOver(nameof(Id), [.. _forJob.Select(static operation => (object)operation.Id)], _forJob);
        }
    }

    /// <summary>Unfinished in the journal, or else as the VMs of the connected hosts tell of it; one that has ended says so.</summary>
    private KumoiOperation? Find(IJournal journal, Guid id)
    {
        var operations = Enumerate(token => journal.ReadOperationsAsync(new OperationQuery { Ids = [id] }, token)).ToList();
        return operations.Find(operation => operation.State is OperationState.Pending && OperationRepair.IsOnSeveralHosts(operation))
            ?? Orphans(journal).FirstOrDefault(orphan => orphan.Id == id)
            ?? operations.Find(OperationRepair.IsOnSeveralHosts)
            ?? operations.OrderBy(operation => operation.State is not OperationState.Pending).FirstOrDefault();
    }

    private IEnumerable<KumoiOperation> Orphans(IJournal journal)
    {
        var repair = new OperationRepair(Fleet, journal, TimeProvider.System);
        foreach (var host in Fleet.Hosts)
        {
            IReadOnlyList<KumoiOperation> orphans = [];
            try
            {
                orphans = Await(repair.FindOrphansAsync([host], StopToken));
            }
            catch (Hypervisors.HypervisorException e)
            {
                WriteWarning($"{host} cannot be searched: {e.Message}");
            }

            foreach (var orphan in orphans)
            {
                yield return orphan;
            }
        }
    }

    private void Repair(IJournal journal, KumoiOperation operation)
    {
        try
        {
            var result = SettleWithWarnings(
                () => new OperationRepair(Fleet, journal, TimeProvider.System).RepairAsync(operation, Force, StopToken));
            if (!result.IsRepaired)
            {
                WriteWarning(result.Message);
            }

            WriteObject(result);
        }
        catch (Hypervisors.HypervisorException e)
        {
            WriteFailure(e, operation);
        }
    }
}
