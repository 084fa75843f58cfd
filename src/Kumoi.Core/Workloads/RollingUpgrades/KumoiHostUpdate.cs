namespace Kumoi;

/// <summary>What became of one host in a rolling upgrade.</summary>
public sealed record KumoiHostUpdate
{
    /// <summary>The host's name.</summary>
    public required string VMHost { get; init; }

    /// <summary>The name of the rolling upgrade.</summary>
    public required string RollingUpgrade { get; init; }

    public required HostUpdateState State { get; init; }

    /// <summary>All that was done, in order, and what failed.</summary>
    public IReadOnlyList<KumoiPlanStep> Steps { get; init; } = [];

    /// <summary>What the script wrote; nothing if it had ended before an interruption.</summary>
    public IReadOnlyList<object> Output { get; init; } = [];

    /// <summary>Why it failed; null: it did not.</summary>
    public string? Error { get; init; }

    public DateTimeOffset StartedAt { get; init; }

    public DateTimeOffset EndedAt { get; init; }

    /// <summary>How many VMs were moved, away and back.</summary>
    public int MoveCount => Steps.Count(step => step is { Action: PlanAction.Move, State: PlanStepState.Done });

    public override string ToString() => $"{VMHost}: {State}";
}
