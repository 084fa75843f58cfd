namespace Kumoi.Lineage;

/// <summary>An element of one of two chains, in the chain below both.</summary>
internal sealed class ConcatItem(LineageItem part, int side, LineageMemory memory) : JoinedItem([part], memory)
{
    public LineageItem Part => part;

    public override ulong Position => unchecked((part.Position * 2) + (ulong)side);

    public override object Identity => (side, part.Identity);

    public override string Name => part.Name;
}
