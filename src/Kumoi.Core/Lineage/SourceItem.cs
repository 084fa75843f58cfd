namespace Kumoi.Lineage;

/// <summary>One element of a source.</summary>
internal sealed class SourceItem(LineageMemory memory) : LineageItem(memory)
{
    /// <summary>The element as last read.</summary>
    public object? Element => All.ElementOf(this);

    public override ulong Position => (ulong)Index;

    public override object Identity => All.IdentityOf(this);

    public override string Name => All.NameOf(this);

    public override IEnumerable<LineageItem> Elements => [this];

    private ISourceElements All => (ISourceElements)Memory.Source;

    public ValueTask RefreshAsync(CancellationToken cancellationToken) => All.RefreshAsync(this, cancellationToken);

    /// <summary>An item for each of the elements.</summary>
    public static List<LineageItem> For(ISourceElements elements, LineageMemory memory)
    {
        var items = new List<LineageItem>(elements.Count);
        for (var i = 0; i < elements.Count; i++)
        {
            items.Add(new SourceItem(memory));
        }

        return items;
    }
}
