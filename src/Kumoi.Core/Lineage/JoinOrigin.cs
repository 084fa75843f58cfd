namespace Kumoi.Lineage;

/// <summary>Two chains that are joined. Each is looked at by itself; what is out is out of its own side.</summary>
internal abstract class JoinOrigin(LineageRun left, LineageRun right, LineageContext context) : LineageOrigin
{
    public override bool CanRefresh => left.CanRefresh || right.CanRefresh;

    protected LineageRun Left => left;

    protected LineageRun Right => right;

    protected LineageContext Context => context;

    protected static IEnumerable<LineageItem> PartsOf(IEnumerable<LineageItem> items) =>
        items.Cast<JoinedItem>().SelectMany(item => item.Parts);

    protected LineageRun SideOf(LineageItem part) => left.Holds(part) ? left : right;

    /// <summary><see cref="LineageOrigin.Candidates"/> of a part, where <paramref name="held"/> are parts that had a place.</summary>
    protected IReadOnlyList<LineageItem> CandidatesOf(LineageItem part, IEnumerable<LineageItem> held)
    {
        var side = SideOf(part);
        return side.Candidates(part, [.. held.Where(side.Holds)]);
    }

    public override void Begin()
    {
        left.Begin();
        right.Begin();
    }

    public override async Task SettleAsync()
    {
        await left.SettleAsync();
        await right.SettleAsync();
    }

    public override async Task<IReadOnlyList<LineageItem>?> TryItemsAsync() =>
        await left.TryEndAsync() is { } ofLeft && await right.TryEndAsync() is { } ofRight ? Join(ofLeft, ofRight) : null;

    public override async Task ReadAgainAsync(LineageNode extraction, IReadOnlyList<LineageItem> items, HashSet<LineageItem> picks)
    {
        HashSet<LineageItem> held = [.. PartsOf(picks)];
        List<LineageItem> parts =
            [.. PartsOf(items).Where(part => !held.Contains(part) && part.Elements.Any(element => element.ReadInRound != context.Round))];
        await left.ReadAgainAsync(extraction, [.. parts.Where(left.Holds)], [.. held.Where(left.Holds)]);
        await right.ReadAgainAsync(extraction, [.. parts.Where(right.Holds)], [.. held.Where(right.Holds)]);
    }

    public override void Hold()
    {
        left.Hold();
        right.Hold();
    }

    public override async Task UndoAsync()
    {
        await right.UndoAsync();
        await left.UndoAsync();
    }

    public override LineageNode? NearestExtraction(IReadOnlyList<LineageItem> elements) =>
        left.NearestExtraction(elements) ?? right.NearestExtraction(elements);

    /// <summary>The elements in order, out of those of each side.</summary>
    protected abstract IReadOnlyList<LineageItem> Join(IReadOnlyList<LineageItem> ofLeft, IReadOnlyList<LineageItem> ofRight);
}
