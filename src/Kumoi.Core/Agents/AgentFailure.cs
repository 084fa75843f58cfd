using Kumoi.Hypervisors;

namespace Kumoi.Agents;

/// <summary>An <see cref="AgentException"/> on its way from the agent.</summary>
/// <param name="Error">What is wrong.</param>
/// <param name="Message">A sentence for the admin.</param>
/// <param name="RecommendedAction">What the admin can do about it.</param>
public sealed record AgentFailure(AgentError Error, string Message, string RecommendedAction)
{
    /// <summary>It is a host's failure, which the agent only tells; null: it is its own.</summary>
    public HypervisorError? OfHypervisor { get; init; }

    /// <summary>With <see cref="OfHypervisor"/>: what the failure is of.</summary>
    public FaultDomain FaultDomain { get; init; }

    public static AgentFailure Of(HypervisorException e) => new(AgentError.Refused, e.Message, e.RecommendedAction ?? "")
    {
        OfHypervisor = e.Error,
        FaultDomain = e.FaultDomain,
    };

    public static AgentFailure Of(AgentException e) => new(e.Error, e.Message, e.RecommendedAction);

    public Exception ToException() => OfHypervisor is { } error
        ? new HypervisorException(Message, FaultDomain, error: error, recommendedAction: RecommendedAction)
        : ToAgentException();

    public AgentException ToAgentException() => new(Message, Error, RecommendedAction);
}
