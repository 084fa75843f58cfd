namespace Kumoi.FailureOblivious;

/// <summary>A failure that was turned into a typed default, into nothing done, or into an omission. Never silent: each is told.</summary>
public abstract record MaskedFailure
{
    /// <summary>How often the same was masked: repeated failures of one host are one event with a count.</summary>
    public int Count { get; init; } = 1;

    /// <summary>What failed, for a person.</summary>
    public abstract string Description { get; }
}
