namespace Kumoi.Lineage.Nodes;

/// <summary>Remembers each element's key. A refining sort (<c>ThenBy</c>) compares by it only what its parent holds for equal.</summary>
internal sealed class OrderByNode<T, TKey>(
    LineageNode parent, Func<T, CancellationToken, ValueTask<TKey>> key, IComparer<TKey>? comparer, bool descending, SortNode? refined = null)
    : SortNode(parent)
{
    private readonly IComparer<TKey> _comparer = comparer ?? Comparer<TKey>.Default;

    public override string Name => refined is null ? "sortBy" : "thenBy";

    public override async ValueTask<object?> WorkAsync(object? value, CancellationToken cancellationToken) =>
        await key((T)value!, cancellationToken);

    public override int Compare(LineageItem one, LineageItem other)
    {
        var before = refined?.Compare(one, other) ?? 0;
        if (before != 0)
        {
            return before;
        }

        var (x, y) = ((TKey)one.Outcome(Depth)!, (TKey)other.Outcome(Depth)!);
        return descending ? _comparer.Compare(y, x) : _comparer.Compare(x, y);
    }
}
