namespace Kumoi.Agents;

/// <summary>A piece of work that the agent was given, and that nobody has taken away.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Name">What tells it from others of its kind.</param>
/// <param name="Order">All that the agent has to know, as a JSON object.</param>
/// <param name="GivenAt">When it was given.</param>
/// <param name="Error">Why it ended; null: it is to be done.</param>
public sealed record AgentWorkItem(AgentWorkKind Kind, string Name, string Order, DateTimeOffset GivenAt, string? Error);
