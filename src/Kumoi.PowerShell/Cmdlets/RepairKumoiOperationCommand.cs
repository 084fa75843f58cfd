using System.Management.Automation;
using Kumoi.Journal;
using Kumoi.PowerShell.Pumping;
using Kumoi.PowerShell.Session;
using Kumoi.Speculation;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>
/// Finishes, or takes back, operations on several hosts that nobody works on any more. It leaves exactly one copy of the VM, or does nothing
/// and says why.
/// </summary>
[Cmdlet(VerbsDiagnostic.Repair, "KumoiOperation", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(RepairResult))]
public sealed class RepairKumoiOperationCommand : FleetCmdlet
{
    /// <summary>The operation, or its id.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Operation")]
    public Guid[] Id { get; set; } = [];

    /// <summary>The process that began it, on another machine, is known not to run any more.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    protected override void ProcessRecord()
    {
        try
        {
            var journal = KumoiSession.Journal;
            foreach (var id in Id)
            {
                var found = Enumerate(token => journal.ReadOperationsAsync(new OperationQuery { Ids = [id] }, token))
                    .OrderBy(operation => operation.State is not OperationState.Pending).FirstOrDefault();
                if (found is null)
                {
                    WriteError(Errors.NotFound($"The journal has no operation {id:D}.", id, "Get-KumoiOperation -Unfinished lists those that can be repaired."));
                }
                else if (ShouldProcess(found.ToString(), "Repair"))
                {
                    Repair(journal, found);
                }
            }
        }
        catch (JournalException e)
        {
            ThrowTerminatingError(Errors.ToRecord(e, null));
        }
    }

    private void Repair(IJournal journal, KumoiOperation operation)
    {
        try
        {
            var result = Settle(new OperationRepair(Fleet, journal, TimeProvider.System).RepairAsync(operation, Force, StopToken));
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
