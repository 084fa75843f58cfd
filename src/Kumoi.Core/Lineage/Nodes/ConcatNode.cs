namespace Kumoi.Lineage;

/// <summary>One list after the other.</summary>
internal sealed class ConcatNode<T>(LineageNode left, LineageNode right) : JoinNode(left, right)
{
    public override string Name => "++";

    public override JoinOrigin Join(LineageRun left, LineageRun right, LineageMemory memory, LineageContext context)
    {
        memory.Source = new ConcatValues<T>();
        return new ConcatOrigin(left, right, memory, context);
    }
}
