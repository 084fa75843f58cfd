namespace Kumoi.Lineage.Nodes;

/// <summary>Remembers each element's key; elements of equal keys stay in the order in which they came.</summary>
internal sealed class OrderByNode<T, TKey>(
    LineageNode parent, Func<T, CancellationToken, ValueTask<TKey>> key, IComparer<TKey>? comparer, bool descending) : LineageNode(parent)
{
    public override string Name => "sortBy";

    public override bool Works => true;

    public override async ValueTask<object?> WorkAsync(object? value, CancellationToken cancellationToken) =>
        await key((T)value!, cancellationToken);

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, int mayHold) => descending
        ? [.. items.OrderByDescending(item => (TKey)item.Outcome(Depth)!, comparer)]
        : [.. items.OrderBy(item => (TKey)item.Outcome(Depth)!, comparer)];
}
