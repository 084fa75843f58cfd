namespace Kumoi.Lineage;

/// <summary>
/// A function of the author's, that an operator runs on elements. Their type is known to <see cref="LineageFunction{T, TOutcome}"/> only.
/// </summary>
internal abstract class LineageFunction
{
    /// <summary>It is done when it returns: elements are worked on one after the other, by <see cref="RunOnAll"/>.</summary>
    public abstract bool IsSynchronous { get; }

    /// <summary>Where its outcomes are remembered.</summary>
    public abstract LineageValues NewOutcomes();

    /// <summary>Runs it on an element, as the function of the operator at <paramref name="depth"/>, and remembers the outcome.</summary>
    public abstract ValueTask RunAsync(LineageItem item, int depth, CancellationToken cancellationToken);

    /// <summary>
    /// Runs it on the items in their order, if it is synchronous, as <see cref="LineagePump"/> runs one that is not. Gives each one's
    /// failure, null where it has none; nothing at all where none has one.
    /// </summary>
    public abstract IReadOnlyList<Exception?> RunOnAll(
        IReadOnlyList<LineageItem> items, int depth, Func<LineageItem, Exception, bool> final, CancellationToken cancellationToken);
}
