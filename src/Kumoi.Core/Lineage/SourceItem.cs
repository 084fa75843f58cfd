namespace Kumoi.Lineage;

/// <summary>One element of a source.</summary>
internal sealed class SourceItem(ISourceElements elements, LineageMemory memory) : LineageItem(memory)
{
    /// <summary>The element as last read.</summary>
    public object? Element => elements.ElementOf(this);

    public override ulong Position => (ulong)Index;

    public override object Identity => elements.IdentityOf(this);

    public override string Name => elements.NameOf(this);

    public override IEnumerable<LineageItem> Elements => [this];

    public ValueTask RefreshAsync(CancellationToken cancellationToken) => elements.RefreshAsync(this, cancellationToken);

    /// <summary>An item for each of the elements.</summary>
    public static List<LineageItem> For(ISourceElements elements, LineageMemory memory)
    {
        List<LineageItem> items = new(elements.Count);
        for (var i = 0; i < elements.Count; i++)
        {
            items.Add(new SourceItem(elements, memory));
        }

        return items;
    }
}
