namespace Kumoi.Agents;

/// <summary>An <see cref="AgentException"/> on its way from the agent.</summary>
public sealed record AgentFailure(AgentError Error, string Message, string RecommendedAction)
{
    public static AgentFailure Of(AgentException e) => new(e.Error, e.Message, e.RecommendedAction);

    public AgentException ToException() => new(Message, Error, RecommendedAction);
}
