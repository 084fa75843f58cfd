namespace Kumoi.Lineage;

/// <summary>A list sorted just now, whose order can be refined.</summary>
public sealed class OrderedLineageList<T> : LineageList<T>
{
    private readonly SortNode _sort;

    internal OrderedLineageList(SortNode sort)
        : base(sort) => _sort = sort;

    /// <summary>Orders elements of equal keys.</summary>
    public OrderedLineageList<T> ThenBy<TKey>(Func<T, TKey> key, IComparer<TKey>? comparer = null) =>
        Refined(key, comparer, descending: false);

    /// <inheritdoc cref="ThenBy{TKey}"/>
    public OrderedLineageList<T> ThenByDescending<TKey>(Func<T, TKey> key, IComparer<TKey>? comparer = null) =>
        Refined(key, comparer, descending: true);

    private OrderedLineageList<T> Refined<TKey>(Func<T, TKey> key, IComparer<TKey>? comparer, bool descending)
    {
        ArgumentNullException.ThrowIfNull(key);
        return new(new OrderByNode<TKey>(_sort, new LineageFunction<T, TKey>(key), comparer, descending, _sort));
    }
}
