namespace Kumoi.Journal;

/// <summary>Which operations to read. What is not given does not matter.</summary>
public sealed record OperationQuery
{
    public IReadOnlyList<Guid> Ids { get; init; } = [];

    public IReadOnlyList<OperationState> States { get; init; } = [];

    /// <summary>Begun at this moment or later.</summary>
    public DateTimeOffset? After { get; init; }

    /// <summary>Only of the last so many that were begun: what is older is not looked at, however long the journal is.</summary>
    public int? OfNewest { get; init; }

    /// <summary>The newest first, for those who want only the last few.</summary>
    public bool NewestFirst { get; init; }
}
