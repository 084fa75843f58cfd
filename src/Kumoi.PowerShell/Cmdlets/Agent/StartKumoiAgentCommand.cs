using System.Globalization;
using System.Management.Automation;
using Kumoi.Agents;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>Starts the agent of the session's journal, which goes on with all that it was given. One that runs stays as it is.</summary>
[Cmdlet(VerbsLifecycle.Start, "KumoiAgent", SupportsShouldProcess = true)]
[OutputType(typeof(KumoiAgent))]
public sealed class StartKumoiAgentCommand : AgentCmdlet
{
    /// <summary>The agent ends when it had nothing to do for so long; 0: never. One that runs takes it too.</summary>
    [Parameter]
    [ValidateRange(0, int.MaxValue)]
    public int IdleSec { get; set; } = 600;

    /// <summary>Writes the agent.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override void Act(AgentClient agent)
    {
        if (!ShouldProcess("agent", "Start"))
        {
            return;
        }

        int? idle = MyInvocation.BoundParameters.ContainsKey(nameof(IdleSec)) ? IdleSec : null;
        var status = Await(agent.EnsureAsync(idle, StopToken));
        if (idle is { } seconds && Math.Abs(status.IdleLimitSec - seconds) > 0.5)
        {
            status = Await(agent.PostAsync(
                string.Create(CultureInfo.InvariantCulture, $"start?idle={seconds}"), AgentJson.Default.AgentStatus,
                AgentClient.AnswerPatience, StopToken));
        }

        if (PassThru)
        {
            WriteObject(Describe(status, agent));
        }
    }
}
