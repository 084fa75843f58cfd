using System.Collections;
using Kumoi.Lineage.Nodes;

namespace Kumoi.Lineage;

/// <summary>
/// Items in the order of a sort, which is made as far as somebody looks: who takes ten of a hundred thousand does not wait for the others
/// to be sorted.
/// </summary>
internal sealed class LazyOrder(IReadOnlyList<LineageItem> items, SortNode sort) : IReadOnlyList<LineageItem>
{
    private IReadOnlyList<LineageItem>? _sorted;

    public int Count => items.Count;

    /// <summary>The items in the order in which they came.</summary>
    public IReadOnlyList<LineageItem> Unsorted => items;

    private IReadOnlyList<LineageItem> Sorted => _sorted ??= sort.Sort(items).ToList();

    public LineageItem this[int index] => Sorted[index];

    public IReadOnlyList<LineageItem> First(int count) => count < Count && _sorted is null ? sort.Sort(items).Take(count).ToList() : Sorted.Take(count).ToList();

    /// <summary>Some of the items, in their order.</summary>
    public IReadOnlyList<LineageItem> Of(HashSet<LineageItem> some) => sort.Sort(items.Where(some.Contains)).ToList();

    public IEnumerator<LineageItem> GetEnumerator() => Sorted.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
