namespace Kumoi.Journal;

/// <summary>What a call is going to do, written before it goes out.</summary>
public sealed record OperationIntent
{
    /// <summary>An operation without details.</summary>
    public const string NoDetails = "{}";

    /// <inheritdoc cref="KumoiOperation.Id"/>
    public required Guid Id { get; init; }

    public required string Kind { get; init; }

    public required string VMHost { get; init; }

    public required bool IsSimulated { get; init; }

    public Guid? VMId { get; init; }

    public string? VM { get; init; }

    public string? Target { get; init; }

    public required DateTimeOffset StartedAt { get; init; }

    /// <inheritdoc cref="KumoiOperation.Details"/>
    public string Details { get; init; } = NoDetails;

    public OperationOwner Owner { get; init; } = OperationOwner.Current;
}
