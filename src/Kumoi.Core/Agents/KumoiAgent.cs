namespace Kumoi;

/// <summary>The agent of the session's journal, as it was when it was asked for.</summary>
public sealed record KumoiAgent
{
    public required AgentState State { get; init; }

    /// <summary>Null: it does not run.</summary>
    public int? ProcessId { get; init; }

    /// <summary>Null: it does not run.</summary>
    public string? Version { get; init; }

    /// <summary>Null: it does not run.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>For how long it has had nothing to do; null: it has work, or does not run.</summary>
    public double? IdleSec { get; init; }

    /// <summary>It ends when it had nothing to do for so long; 0: never; null: it does not run.</summary>
    public double? IdleLimitSec { get; init; }

    /// <summary>Its resident memory; null: it does not run.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>The VMs whose pairs it runs.</summary>
    public IReadOnlyList<string> Pairs { get; init; } = [];

    /// <summary>
    /// The groups that it scales. Where it does not run: those that it was given, and goes on with when it is started.
    /// </summary>
    public IReadOnlyList<string> ScalingGroups { get; init; } = [];

    /// <summary>It accounts what VMs use; or, where it does not run, goes on with it when it is started.</summary>
    public bool IsAccounting { get; init; }

    /// <summary>The file that it writes what it does into.</summary>
    public required string Log { get; init; }

    /// <summary>Why it cannot be used; null: it can.</summary>
    public string? Error { get; init; }

    public override string ToString() => ProcessId is { } process ? $"{State} (process {process})" : State.ToString();
}
