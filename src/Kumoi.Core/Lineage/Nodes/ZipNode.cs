namespace Kumoi.Lineage;

/// <summary>Pairs the elements of two lists.</summary>
internal sealed class ZipNode<TLeft, TRight>(LineageNode left, LineageNode right) : JoinNode(left, right)
{
    public override string Name => "zip";

    public override JoinOrigin Join(LineageRun left, LineageRun right, LineageMemory memory, LineageContext context)
    {
        memory.Source = new PairValues<TLeft, TRight>();
        return new ZipOrigin(left, right, this, memory, context);
    }
}
