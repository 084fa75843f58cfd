namespace Kumoi.Speculation;

/// <summary>What became of one target of an operation.</summary>
/// <param name="VMHost">Its name.</param>
/// <param name="IsWinner">The VM runs there.</param>
/// <param name="Reason">Why it did not win; null for the winner.</param>
/// <param name="IsClean">It was seen to hold nothing of the operation; true for the winner.</param>
public sealed record ReplicaOutcome(string VMHost, bool IsWinner, string? Reason, bool IsClean);
