namespace Kumoi.Lineage;

/// <summary>Sorts by a remembered key; elements that compare equal stay in the order in which they came (the paper's Table 3).</summary>
internal abstract class SortNode(LineageNode parent, LineageFunction key) : LineageNode(parent)
{
    public override LineageFunction Function { get; } = key;

    /// <summary>By this key, and by those of the sorts that it refines before it.</summary>
    public abstract IOrderedEnumerable<LineageItem> Sort(IEnumerable<LineageItem> items);

    /// <summary>Below zero: the one comes before the other. Zero: they stay in the order in which they came.</summary>
    public abstract int Compare(LineageItem one, LineageItem other);

    // The keys stay.
    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) =>
        state.ArrangeOnce(items, () => new LazyOrder(items, this));
}
