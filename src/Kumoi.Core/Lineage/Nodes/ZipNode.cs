namespace Kumoi.Lineage.Nodes;

/// <summary>Pairs the elements of two lists.</summary>
internal sealed class ZipNode<TLeft, TRight>(LineageNode left, LineageNode right) : JoinNode(left, right)
{
    public override string Name => "zip";

    public override JoinOrigin Join(
        LineageRun left, LineageRun right, IReadOnlyList<LineageNode> nodes, LineageContext context) =>
        new ZipOrigin(left, right, this, (one, other) => ((TLeft)one!, (TRight)other!), nodes, context);
}
