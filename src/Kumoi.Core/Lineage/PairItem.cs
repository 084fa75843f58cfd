using Kumoi.Lineage.Nodes;

namespace Kumoi.Lineage;

/// <summary>A pair, of one element of each of two chains.</summary>
internal sealed class PairItem(LineageItem left, LineageItem right, Func<object?, object?, object> pair, IReadOnlyList<LineageNode> nodes)
    : JoinedItem([left, right], nodes)
{
    public LineageItem Left => left;

    public LineageItem Right => right;

    public override object? Source => pair(left.ValueAt(left.Nodes.Count), right.ValueAt(right.Nodes.Count));

    public override ulong Position => unchecked((left.Position * 0x1_0000_0001) + right.Position);

    public override object Identity => (left.Identity, right.Identity);

    public override string Name => $"({left.Name}, {right.Name})";
}
