namespace Kumoi.Agents;

/// <summary>The agent could not be had, or did not do what it was asked for.</summary>
public sealed class AgentException(string message, AgentError error, string recommendedAction, Exception? innerException = null)
    : Exception(message, innerException)
{
    public AgentError Error => error;

    /// <summary>What the admin can do about it.</summary>
    public string RecommendedAction => recommendedAction;
}
