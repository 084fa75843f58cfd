using System.Collections;

namespace Kumoi.Lineage;

/// <summary>
/// Items in the order of a sort, which is made as far as somebody looks: who takes ten of a hundred thousand does not wait for the others
/// to be sorted.
/// </summary>
internal sealed class LazyOrder(IReadOnlyList<LineageItem> items, SortNode sort) : IReadOnlyList<LineageItem>
{
    private const int Few = 64;
    private IReadOnlyList<LineageItem>? _sorted;

    public int Count => items.Count;

    /// <summary>The items in the order in which they came.</summary>
    public IReadOnlyList<LineageItem> Unsorted => items;

    private IReadOnlyList<LineageItem> Sorted => _sorted ??= sort.Sort(items).ToList();

    public LineageItem this[int index] => Sorted[index];

    public IReadOnlyList<LineageItem> First(int count) => (_sorted, count) switch
    {
        (null, <= Few) when count < Count => FirstFew(count),
        (null, _) when count < Count => sort.Sort(items).Take(count).ToList(),
        _ => Sorted.Take(count).ToList(),
    };

    /// <summary>Some of the items, in their order.</summary>
    public IReadOnlyList<LineageItem> Of(HashSet<LineageItem> some) => sort.Sort(items.Where(some.Contains)).ToList();

    /// <summary>One look at each item, which is compared to the last of the first few so far; nothing is copied.</summary>
    private List<LineageItem> FirstFew(int count)
    {
        var first = new List<LineageItem>(count + 1);
        foreach (var item in items)
        {
            if (first.Count == count && (count == 0 || sort.Compare(item, first[^1]) >= 0))
            {
                continue;
            }

            // Behind those that compare equal: they came before it.
            var at = first.Count;
            while (at > 0 && sort.Compare(item, first[at - 1]) < 0)
            {
                at--;
            }

            first.Insert(at, item);
            if (first.Count > count)
            {
                first.RemoveAt(count);
            }
        }

        return first;
    }

    public IEnumerator<LineageItem> GetEnumerator() => Sorted.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
