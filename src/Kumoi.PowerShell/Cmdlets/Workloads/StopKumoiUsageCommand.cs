using System.Management.Automation;
using Kumoi.Agents;
using Kumoi.Journal;
using Kumoi.PowerShell.Cmdlets.Base;
using Kumoi.PowerShell.Session;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Ends the accounting that the agent does. What was accounted stays in the journal.</summary>
[Cmdlet(VerbsLifecycle.Stop, "KumoiUsage", SupportsShouldProcess = true)]
public sealed class StopKumoiUsageCommand : KumoiCmdlet
{
    protected override void EndProcessing()
    {
        if (!ShouldProcess("agent", "Stop accounting"))
        {
            return;
        }

        try
        {
            if (!Await(KumoiSession.PersistentUsage.StopAsync(StopToken)))
            {
                WriteError(Errors.NotFound(
                    "The agent does not account what VMs use.", "usage", "Measure-KumoiUsage -Persistent has it do that."));
            }
        }
        catch (Exception e) when (e is AgentException or JournalException)
        {
            WriteFailure(e, null);
        }
    }
}
