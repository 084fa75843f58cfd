namespace Kumoi.Lineage;

/// <summary>The elements of one chain, then those of the other. An element that fails is replaced on its own side.</summary>
internal sealed class ConcatOrigin(LineageRun left, LineageRun right, LineageMemory memory, LineageContext context)
    : JoinOrigin(left, right, context)
{
    private readonly Dictionary<LineageItem, LineageItem> _items = [];
    private (int Left, int Right)? _wanted;
    private (int Left, int Right) _count;

    public override IEnumerable<LineageItem> Known => _items.Values;

    public override LineageBlame Blame(LineageItem item, Exception failure, bool hasReserve)
    {
        var part = PartOf(item);
        return SideOf(part).Blame(part, failure, hasReserve);
    }

    public override IReadOnlyList<LineageItem> Candidates(LineageItem item, HashSet<LineageItem> picks) =>
        CandidatesOf(PartOf(item), PartsOf(picks));

    public override bool TurnDownDropped(IReadOnlyList<LineageItem> passed, int missing)
    {
        List<LineageItem> parts = [.. PartsOf(passed)];
        return Left.TurnDownDropped([.. parts.Where(Left.Holds)], missing) || Right.TurnDownDropped([.. parts.Where(Right.Holds)], missing);
    }

    public override bool GiveUpHeld(int missing)
    {
        var (ofLeft, ofRight) = (_wanted!.Value.Left - _count.Left, _wanted.Value.Right - _count.Right);
        return (ofLeft > 0 && Left.GiveUpHeld(Math.Min(ofLeft, missing))) || (ofRight > 0 && Right.GiveUpHeld(Math.Min(ofRight, missing)));
    }

    protected override IReadOnlyList<LineageItem> Join(IReadOnlyList<LineageItem> ofLeft, IReadOnlyList<LineageItem> ofRight)
    {
        _count = (ofLeft.Count, ofRight.Count);
        _wanted ??= _count;
        return [.. ofLeft.Select(part => ItemOf(part, 0)), .. ofRight.Select(part => ItemOf(part, 1))];
    }

    private LineageItem ItemOf(LineageItem part, int side)
    {
        if (!_items.TryGetValue(part, out var item))
        {
            _items.Add(part, item = new ConcatItem(part, side, memory));
        }

        return item;
    }

    private static LineageItem PartOf(LineageItem item) => ((ConcatItem)item).Part;
}
