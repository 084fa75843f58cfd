namespace Kumoi.Hypervisors;

/// <summary>How far one replica of a migration is.</summary>
/// <param name="Target">The target's name.</param>
/// <param name="BytesTaken">What it has taken so far.</param>
/// <param name="HasAll">It has the whole state, and has said so.</param>
/// <param name="Dropped">Why it was given up; null: it was not.</param>
public readonly record struct ReplicaProgress(string Target, long BytesTaken, bool HasAll, string? Dropped);
