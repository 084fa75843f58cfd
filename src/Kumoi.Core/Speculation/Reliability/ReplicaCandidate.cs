namespace Kumoi.Speculation.Reliability;

/// <summary>A target on which a replica of an operation might run.</summary>
/// <param name="Success">The predicted probability that the operation succeeds on it, 0..1.</param>
/// <param name="Rack">Targets that fail together have the same; null: it shares nothing with any other.</param>
public readonly record struct ReplicaCandidate(double Success, string? Rack = null);
