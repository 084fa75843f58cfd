namespace Kumoi.Speculation;

/// <summary>What an operation on several targets gave.</summary>
/// <param name="VM">The VM on the winner.</param>
/// <param name="Replicas">All targets that were tried, in the order of preference, and then those that were left out before.</param>
public sealed record SpeculationResult(KumoiVM VM, IReadOnlyList<ReplicaOutcome> Replicas);
