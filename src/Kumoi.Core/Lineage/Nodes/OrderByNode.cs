namespace Kumoi.Lineage;

/// <summary>Remembers each element's key. A refining sort (<c>ThenBy</c>) compares by it only what its parent holds for equal.</summary>
internal sealed class OrderByNode<TKey>(
    LineageNode parent, LineageFunction key, IComparer<TKey>? comparer, bool descending, SortNode? refined = null)
    : SortNode(parent, key)
{
    private readonly IComparer<TKey> _comparer = comparer ?? Comparer<TKey>.Default;

    public override string Name => refined is null ? "sortBy" : "thenBy";

    public override IOrderedEnumerable<LineageItem> Sort(IEnumerable<LineageItem> items) => (refined, descending) switch
    {
        (null, false) => items.OrderBy(Key, _comparer),
        (null, true) => items.OrderByDescending(Key, _comparer),
        (_, false) => refined.Sort(items).ThenBy(Key, _comparer),
        (_, true) => refined.Sort(items).ThenByDescending(Key, _comparer),
    };

    public override int Compare(LineageItem one, LineageItem other)
    {
        var before = refined?.Compare(one, other) ?? 0;
        var order = before != 0 ? 0 : _comparer.Compare(Key(one), Key(other));
        return before != 0 ? before : descending ? (order < 0 ? 1 : order > 0 ? -1 : 0) : order;
    }

    private TKey Key(LineageItem item) => item.Outcome<TKey>(Depth);
}
