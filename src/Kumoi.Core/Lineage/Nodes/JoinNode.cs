namespace Kumoi.Lineage;

/// <summary>Where two lists come together (paper 001, section 4.2). For what is below it is the source.</summary>
internal abstract class JoinNode(LineageNode left, LineageNode right) : LineageNode(null)
{
    public LineageNode Left => left;

    public LineageNode Right => right;

    /// <summary>Its part in an evaluation. <paramref name="memory"/>: that of the chain that it begins.</summary>
    public abstract JoinOrigin Join(LineageRun left, LineageRun right, LineageMemory memory, LineageContext context);
}
