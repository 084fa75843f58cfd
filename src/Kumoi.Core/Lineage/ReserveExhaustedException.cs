namespace Kumoi.Lineage;

/// <summary>
/// An element failed, and nothing was left to take its place (the paper's LackOfElements). The inner exception is the original failure,
/// untouched. Its fault domain is unknown on purpose: inside the function of another lineage it fails the outer element, whatever that is.
/// </summary>
public sealed class ReserveExhaustedException : Exception
{
    public ReserveExhaustedException(string message, Exception failure, IReadOnlyList<LineageAttempt> attempts)
        : base(message, failure) => Attempts = attempts;

    /// <summary>All elements that failed or were turned down in this evaluation, in the order in which they were tried.</summary>
    public IReadOnlyList<LineageAttempt> Attempts { get; }
}
