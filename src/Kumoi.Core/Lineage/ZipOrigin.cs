namespace Kumoi.Lineage;

/// <summary>
/// Pairs of the elements of two chains, in the order of the left one. A pair stays for as long as both its elements do, so that no work on
/// it is lost; elements that have no partner, or lost theirs, are paired with each other in the order of their chains.
/// </summary>
internal sealed class ZipOrigin(
    LineageRun left,
    LineageRun right,
    LineageNode node,
    LineageMemory memory,
    LineageContext context)
    : JoinOrigin(left, right, context)
{
    private readonly List<PairItem> _known = [];
    private IReadOnlyList<PairItem> _pairs = [];
    private IReadOnlyList<LineageItem> _lefts = [];
    private IReadOnlyList<LineageItem> _rights = [];
    private HashSet<LineageItem>? _picks;

    public override IEnumerable<LineageItem> Known => _known;

    public override LineageBlame Blame(LineageItem item, Exception failure, bool hasReserve)
    {
        var of = (PairItem)item;
        var (ofLeft, ofRight) = FaultRules.OfPair(failure);
        var one = ofLeft is null ? LineageBlame.None(null) : Left.Blame(of.Left, ofLeft, hasReserve);
        var other = ofRight is null ? LineageBlame.None(null) : Right.Blame(of.Right, ofRight, hasReserve);
        return new LineageBlame([.. one.Elements, .. other.Elements], one.HasReserve && other.HasReserve, one.WhyNot ?? other.WhyNot);
    }

    public override IReadOnlyList<LineageItem> Candidates(LineageItem item, HashSet<LineageItem> picks)
    {
        HashSet<LineageItem> held = [.. PartsOf(picks)];
        var of = (PairItem)item;
        List<LineageItem> candidates = [.. of.Parts.Where(part => !held.Contains(part))];
        // Two that lost their partners and do not go together: the left one gives way.
        return [.. (candidates.Count > 0 ? candidates : [of.Left]).SelectMany(part => CandidatesOf(part, held))];
    }

    public override bool TurnDownDropped(IReadOnlyList<LineageItem> passed, int missing)
    {
        HashSet<LineageItem> gone = [.. passed];
        List<PairItem> dropped = [.. _pairs.Where(item => !_picks!.Contains(item) && !gone.Contains(item)).Take(missing)];
        foreach (var item in dropped)
        {
            Context.Record.TurnDown(node, item, Candidates(item, _picks!), "filtered out below");
        }

        return dropped.Count > 0
            || (Lacking(_lefts, missing) is var ofLeft and > 0 && Left.TurnDownDropped(_lefts, ofLeft))
            || (Lacking(_rights, missing) is var ofRight and > 0 && Right.TurnDownDropped(_rights, ofRight));
    }

    public override bool GiveUpHeld(int missing) =>
        (Lacking(_lefts, missing) is var ofLeft and > 0 && Left.GiveUpHeld(ofLeft))
        || (Lacking(_rights, missing) is var ofRight and > 0 && Right.GiveUpHeld(ofRight));

    public override void Hold()
    {
        base.Hold();
        _picks!.UnionWith(_pairs);
    }

    protected override IReadOnlyList<LineageItem> Join(IReadOnlyList<LineageItem> ofLeft, IReadOnlyList<LineageItem> ofRight)
    {
        (_lefts, _rights) = (ofLeft, ofRight);
        var partners = _known.Where(item => !item.IsOut).ToDictionary(item => item.Left);
        HashSet<LineageItem> taken = [.. partners.Values.Select(item => item.Right)];
        foreach (var (one, other) in ofLeft.Where(part => !partners.ContainsKey(part)).Zip(ofRight.Where(part => !taken.Contains(part)))
            .ToList())
        {
            var made = new PairItem(one, other, memory);
            partners.Add(one, made);
            _known.Add(made);
        }

        HashSet<LineageItem> rights = [.. ofRight];
        _pairs = [.. ofLeft.Select(part => partners.GetValueOrDefault(part)).OfType<PairItem>().Where(item => rights.Contains(item.Right))];
        _picks ??= [.. _pairs];
        return _pairs;
    }

    /// <summary>How many elements a side lacks for so many pairs more.</summary>
    private int Lacking(IReadOnlyList<LineageItem> side, int missing) => _pairs.Count + missing - side.Count;
}
