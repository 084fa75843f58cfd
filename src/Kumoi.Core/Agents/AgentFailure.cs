using Kumoi.Hypervisors;

namespace Kumoi.Agents;

/// <summary>A failure on its way from the agent.</summary>
/// <param name="Error">What it is.</param>
/// <param name="Message">As an admin reads it.</param>
/// <param name="RecommendedAction">What the admin can do about it.</param>
/// <param name="Hypervisor">It is a host's, or a VM's; null: it is the agent's.</param>
public sealed record AgentFailure(AgentError Error, string Message, string RecommendedAction, HypervisorFailure? Hypervisor = null)
{
    public static AgentFailure Of(AgentException e) => new(e.Error, e.Message, e.RecommendedAction);

    public static AgentFailure Of(HypervisorException e) => new(
        AgentError.Refused, e.Message, e.RecommendedAction ?? "",
        new HypervisorFailure(e.FaultDomain, e.Error, e.IsTransient, e.OutcomeUnknown));

    public Exception ToException() => Hypervisor is { } failure
        ? new HypervisorException(
            Message, failure.FaultDomain, failure.IsTransient, failure.OutcomeUnknown, failure.Error,
            recommendedAction: RecommendedAction.Length == 0 ? null : RecommendedAction)
        : new AgentException(Message, Error, RecommendedAction);
}
