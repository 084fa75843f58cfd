namespace Kumoi.Lineage.Nodes;

/// <summary>One list after the other.</summary>
internal sealed class ConcatNode(LineageNode left, LineageNode right) : JoinNode(left, right)
{
    public override string Name => "++";

    public override JoinOrigin Join(
        LineageRun left, LineageRun right, IReadOnlyList<LineageNode> nodes, LineageContext context) => new ConcatOrigin(left, right, nodes, context);
}
