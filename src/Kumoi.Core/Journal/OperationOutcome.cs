namespace Kumoi.Journal;

/// <summary>What became of a call, written after it.</summary>
public sealed record OperationOutcome(OperationState State, DateTimeOffset At, string? Error = null)
{
    /// <summary>The id of a VM that the call made; null: as the intent had it.</summary>
    public Guid? VMId { get; init; }

    /// <summary>The name of a VM that the call made; null: as the intent had it.</summary>
    public string? VM { get; init; }

    /// <summary>The operation's details with what is known only at its end; null: as the intent had them.</summary>
    public string? Details { get; init; }
}
