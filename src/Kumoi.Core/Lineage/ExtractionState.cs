namespace Kumoi.Lineage;

/// <summary>What an evaluation remembers of one extraction, or of another operator that goes by the place of its elements.</summary>
internal sealed class ExtractionState
{
    private (IReadOnlyList<LineageItem> In, IReadOnlyList<LineageItem> Out)? _arranged;

    /// <summary>What came out of it when all above had been settled, and what took a place since. All others are substitutes.</summary>
    public HashSet<LineageItem>? Picks { get; set; }

    /// <summary>All substitutes that ever came out of it.</summary>
    public HashSet<LineageItem> Seen { get; } = [];

    public IReadOnlyList<LineageItem> In { get; set; } = [];

    public IReadOnlyList<LineageItem> Out { get; set; } = [];

    /// <summary>How many it may still hold back: see <see cref="LineageNode.Held"/>.</summary>
    public int MayHold { get; set; } = int.MaxValue;

    /// <summary>What <c>SkipWhile</c> skipped, or came out of the right side of <c>SplitAt</c>: it stays so.</summary>
    public HashSet<LineageItem> Decided { get; } = [];

    public bool CameOut(LineageItem item) => Picks is not null && (Picks.Contains(item) || Seen.Contains(item));

    /// <summary>So many of the items, in their order: what came out before, and then the preferred ones.</summary>
    public IReadOnlyList<LineageItem> Choose(int count, IReadOnlyList<LineageItem> items, IEnumerable<LineageItem> preferred)
    {
        var chosen = Choose(count, items, all => Picks is null ? preferred.Take(all) : preferred.Where(item => !CameOut(item)).Take(all));
        return [.. items.Where(chosen.Contains)];
    }

    /// <summary>So many of the items: what came out before, and then the first. No more of them are put in order than that takes.</summary>
    public IReadOnlyList<LineageItem> ChooseFirst(int count, IReadOnlyList<LineageItem> items)
    {
        if (items is not LazyOrder order)
        {
            return Choose(count, items, items);
        }

        if (Picks is null)
        {
            return order.First(count);
        }

        // What came out may stand anywhere by now. So many of the first hold enough others, whatever of them came out.
        return order.Of(Choose(count, order.Unsorted, missing => order.First(count).Where(item => !CameOut(item)).Take(missing)));
    }

    private HashSet<LineageItem> Choose(int count, IReadOnlyList<LineageItem> items, Func<int, IEnumerable<LineageItem>> first)
    {
        HashSet<LineageItem> chosen = Picks is null ? [] : [.. items.Where(CameOut)];
        chosen.UnionWith(first(count - chosen.Count));
        return chosen;
    }

    /// <summary>
    /// What <paramref name="arrange"/> makes of the items. A chain is looked at several times, most often with the same items: then it is
    /// what was made of them the last time.
    /// </summary>
    public IReadOnlyList<LineageItem> ArrangeOnce(IReadOnlyList<LineageItem> items, Func<IReadOnlyList<LineageItem>> arrange)
    {
        if (_arranged is not { } arranged || !arranged.In.SequenceEqual(items))
        {
            _arranged = arranged = (items, arrange());
        }

        return arranged.Out;
    }

    public void Settle() => Picks!.UnionWith(Out);
}
