using System.Management.Automation;
using Kumoi.Agents;
using Kumoi.PowerShell.Cmdlets.Base;

namespace Kumoi.PowerShell.Cmdlets;

/// <summary>The agent of the session's journal, whether it runs or not. It is not started by being looked at.</summary>
[Cmdlet(VerbsCommon.Get, "KumoiAgent")]
[OutputType(typeof(KumoiAgent))]
public sealed class GetKumoiAgentCommand : AgentCmdlet
{
    private protected override void Act(AgentClient agent) => WriteObject(Look(agent));
}
