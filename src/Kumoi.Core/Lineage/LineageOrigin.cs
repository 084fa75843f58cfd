namespace Kumoi.Lineage;

/// <summary>Where the elements of a chain come from in one evaluation: a source, or two chains that are joined.</summary>
internal abstract class LineageOrigin
{
    public abstract bool CanRefresh { get; }

    /// <summary>All elements that ever came, those that are out too.</summary>
    public abstract IEnumerable<LineageItem> Known { get; }

    /// <summary>The evaluation begins.</summary>
    public virtual void Begin()
    {
    }

    /// <summary>Settles all operators above.</summary>
    public virtual Task SettleAsync() => Task.CompletedTask;

    /// <summary>The elements that are not out, in order. Null: more are out now.</summary>
    public abstract Task<IReadOnlyList<LineageItem>?> TryItemsAsync();

    /// <summary>
    /// Reads candidates of the extraction again; those that no longer match above are out. What is a part of <paramref name="picks"/> had a
    /// place before, and is not read.
    /// </summary>
    public abstract Task ReadAgainAsync(LineageNode extraction, IReadOnlyList<LineageItem> items, HashSet<LineageItem> picks);

    /// <summary>
    /// What a failure of the item is of. <paramref name="hasReserve"/>: there is an extraction between here and where it failed.
    /// </summary>
    public abstract LineageBlame Blame(LineageItem item, Exception failure, bool hasReserve);

    /// <summary>
    /// The elements of sources that are out when a candidate is turned down. <paramref name="picks"/> had a place before.
    /// </summary>
    public abstract IReadOnlyList<LineageItem> Candidates(LineageItem item, HashSet<LineageItem> picks);

    /// <summary>
    /// Of the candidates from above that did not get as far as <paramref name="passed"/>, turns down as many as are missing.
    /// </summary>
    public virtual bool TurnDownDropped(IReadOnlyList<LineageItem> passed, int missing) => false;

    /// <summary>Lets an extraction above give up so many elements that it was meant to hold back. False: there is none.</summary>
    public virtual bool GiveUpHeld(int missing) => false;

    /// <summary>What took a place holds it from now on.</summary>
    public virtual void Hold()
    {
    }

    /// <summary>Undoes what was done to elements that are out.</summary>
    public virtual Task UndoAsync() => Task.CompletedTask;

    /// <summary>The nearest extraction above one of the elements.</summary>
    public virtual LineageNode? NearestExtraction(IReadOnlyList<LineageItem> elements) => null;
}
