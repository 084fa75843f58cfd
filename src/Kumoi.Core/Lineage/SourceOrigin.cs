namespace Kumoi.Lineage;

/// <summary>The elements of a source, enumerated once.</summary>
internal sealed class SourceOrigin(SourceNode source, LineageMemory memory, LineageContext context) : LineageOrigin
{
    private readonly List<LineageItem> _items = SourceItem.For(source.Read(memory), memory);

    public override bool CanRefresh => source.CanRefresh;

    public override IEnumerable<LineageItem> Known => _items;

    // The chain is looked at several times: while nothing is out, a copy each time would be felt with many elements.
    public override Task<IReadOnlyList<LineageItem>?> TryItemsAsync() =>
        Task.FromResult<IReadOnlyList<LineageItem>?>(_items.Exists(item => item.IsOut) ? [.. _items.Where(item => !item.IsOut)] : _items);

    public override async Task ReadAgainAsync(LineageNode extraction, IReadOnlyList<LineageItem> items, HashSet<LineageItem> picks)
    {
        foreach (var item in items)
        {
            item.ReadInRound = context.Round;
        }

        var failures = await context.PumpAsync(items, item => ((SourceItem)item).RefreshAsync(context.CancellationToken));
        for (var i = 0; i < items.Count; i++)
        {
            if (failures[i] is { } failure)
            {
                context.Record.Failed(extraction, items[i].Name, failure);
                items[i].TakeOut();
            }
        }
    }

    public override LineageBlame Blame(LineageItem item, Exception failure, bool hasReserve) =>
        FaultRules.WhyNot(source.Domains, ((SourceItem)item).Element, failure) is { } why
            ? LineageBlame.None(why) : new LineageBlame([item], hasReserve);

    public override IReadOnlyList<LineageItem> Candidates(LineageItem item, HashSet<LineageItem> picks) => [item];
}
