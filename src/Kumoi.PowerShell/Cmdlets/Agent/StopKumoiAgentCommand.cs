using System.Management.Automation;
using Kumoi.Agents;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Ends the agent of the session's journal, and waits until it has ended.</summary>
[Cmdlet(VerbsLifecycle.Stop, "KumoiAgent", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
public sealed class StopKumoiAgentCommand : AgentCmdlet
{
    /// <summary>Also where it has work. The work stays in the journal, and the next agent goes on with it.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override void Act(AgentClient agent)
    {
        if (Await(agent.FindAsync(StopToken)) is not { } running)
        {
            return;
        }

        if (ShouldProcess($"agent (process {running.ProcessId})", "Stop"))
        {
            Await(agent.StopAsync(running.ProcessId, Force, StopToken));
        }
    }
}
