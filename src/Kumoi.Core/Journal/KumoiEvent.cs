namespace Kumoi;

/// <summary>Something that happened.</summary>
public sealed record KumoiEvent
{
    /// <summary>Its place in the journal, ever growing; 0: it is not in the journal.</summary>
    public long Sequence { get; init; }

    public required DateTimeOffset At { get; init; }

    public required KumoiEventKind Kind { get; init; }

    /// <summary>The host's name in the session that wrote it; null: it is of no one host.</summary>
    public string? VMHost { get; init; }

    /// <summary>The VM's name, or its id where the name was not known; null: it is of no one VM.</summary>
    public string? VM { get; init; }

    /// <summary>The operation that it belongs to.</summary>
    public Guid? OperationId { get; init; }

    public required string Message { get; init; }

    /// <summary>More about it, as a JSON object.</summary>
    public string Data { get; init; } = "{}";

    public override string ToString() => Message;
}
