namespace Kumoi.Journal;

/// <summary>Which events to read, and in which order. What is not given does not matter.</summary>
public sealed record EventQuery
{
    public IReadOnlyList<KumoiEventKind> Kinds { get; init; } = [];

    /// <summary>Belongs to this operation.</summary>
    public Guid? OperationId { get; init; }

    /// <summary>Appended after the event with this sequence number.</summary>
    public long? AfterSequence { get; init; }

    /// <summary>Happened at this moment or later.</summary>
    public DateTimeOffset? After { get; init; }

    /// <summary>Happened before this moment.</summary>
    public DateTimeOffset? Before { get; init; }

    /// <summary>The newest first, for those who want only the last few.</summary>
    public bool NewestFirst { get; init; }
}
