namespace Kumoi.Lineage;

/// <summary>A pair, of one element of each of two chains.</summary>
internal sealed class PairItem(LineageItem left, LineageItem right, LineageMemory memory) : JoinedItem([left, right], memory)
{
    public LineageItem Left => left;

    public LineageItem Right => right;

    public override ulong Position => unchecked((left.Position * 0x1_0000_0001) + right.Position);

    public override object Identity => (left.Identity, right.Identity);

    public override string Name => $"({left.Name}, {right.Name})";
}
