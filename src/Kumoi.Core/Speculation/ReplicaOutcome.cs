namespace Kumoi.Speculation;

/// <summary>What became of one target of an operation.</summary>
/// <param name="VMHost">Its name.</param>
/// <param name="IsWinner">The VM runs there.</param>
/// <param name="Reason">Why it did not win; null for the winner.</param>
/// <param name="IsClean">It was seen to hold nothing of the operation; true for the winner.</param>
public sealed record ReplicaOutcome(string VMHost, bool IsWinner, string? Reason, bool IsClean)
{
    /// <summary>What it says about its host.</summary>
    public ReplicaEnding Ending { get; init; }

    /// <summary>How long it took until it ended.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>The part of the operation that it had come to when it was abandoned or given up, 0..1.</summary>
    public double Progress { get; init; }
}
