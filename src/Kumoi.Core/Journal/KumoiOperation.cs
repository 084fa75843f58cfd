namespace Kumoi;

/// <summary>One call that changes something on a host, as the journal has it: the intent, and what became of it.</summary>
public sealed record KumoiOperation
{
    /// <summary>Its place in the journal, ever growing.</summary>
    public required long Sequence { get; init; }

    /// <summary>What the call was told. Calls that belong together (define, start, undo) share it.</summary>
    public required Guid Id { get; init; }

    public required string Kind { get; init; }

    /// <summary>The host's name in the session that made the call.</summary>
    public required string VMHost { get; init; }

    /// <summary>The host is not real.</summary>
    public required bool IsSimulated { get; init; }

    /// <summary>Null where the call had none: a VM that is yet to be defined.</summary>
    public Guid? VMId { get; init; }

    /// <summary>Null where it was not known.</summary>
    public string? VM { get; init; }

    /// <summary>The host that a VM is migrated to.</summary>
    public string? Target { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>
    /// What was asked for, as a JSON object, without secrets; at its end also what a failure was of, and how large a VM that moved was.
    /// </summary>
    public string Details { get; init; } = "{}";

    /// <summary>Who made the call.</summary>
    public required Journal.OperationOwner Owner { get; init; }

    public OperationState State { get; init; }

    /// <summary>Why it failed, or why its outcome is not known.</summary>
    public string? Error { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    public override string ToString() => $"{Kind} {VM ?? VMId?.ToString()} on {VMHost}: {State}";
}
