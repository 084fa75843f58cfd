namespace Kumoi.Lineage;

/// <summary>
/// Where the elements come from, and how they are read again. The elements' type is known to <see cref="SourceNode{T}"/> only.
/// </summary>
internal abstract class SourceNode(IReadOnlySet<FaultDomain> domains) : LineageNode(null)
{
    public override string Name => "list";

    /// <summary>Elements are replaced after failures of these.</summary>
    public IReadOnlySet<FaultDomain> Domains => domains;

    public abstract bool CanRefresh { get; }

    /// <summary>Enumerates it.</summary>
    public abstract ISourceElements Read(LineageMemory memory);
}
