namespace Kumoi.Lineage.Nodes;

/// <summary>Where the elements come from, and how they are read again. The elements' type is known to <see cref="SourceNode{T}"/> only.</summary>
internal abstract class SourceNode(IReadOnlySet<FaultDomain> answers) : LineageNode(null)
{
    public override string Name => "list";

    public IReadOnlySet<FaultDomain> Answers => answers;

    public abstract bool CanRefresh { get; }

    /// <summary>Enumerates it.</summary>
    public abstract ISourceElements Read(LineageMemory memory);
}
