namespace Kumoi.Lineage.Nodes;

/// <summary>Remembers each element's key. A refining sort (<c>ThenBy</c>) compares by it only what its parent holds for equal.</summary>
internal sealed class OrderByNode<TKey>(
    LineageNode parent, LineageFunction key, IComparer<TKey>? comparer, bool descending, SortNode? refined = null)
    : SortNode(parent, key)
{
    public override string Name => refined is null ? "sortBy" : "thenBy";

    public override IOrderedEnumerable<LineageItem> Sort(IEnumerable<LineageItem> items) => (refined, descending) switch
    {
        (null, false) => items.OrderBy(Key, comparer),
        (null, true) => items.OrderByDescending(Key, comparer),
        (_, false) => refined.Sort(items).ThenBy(Key, comparer),
        (_, true) => refined.Sort(items).ThenByDescending(Key, comparer),
    };

    private TKey Key(LineageItem item) => item.Outcome<TKey>(Depth);
}
