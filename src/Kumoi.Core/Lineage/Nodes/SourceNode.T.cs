namespace Kumoi.Lineage;

internal sealed class SourceNode<T>(
    IEnumerable<T> source, Func<T, CancellationToken, ValueTask<T>>? refresh, IReadOnlySet<FaultDomain> domains, Func<T, string> name)
    : SourceNode(domains)
{
    public override bool CanRefresh => refresh is not null;

    public override ISourceElements Read(LineageMemory memory)
    {
        var elements = new SourceElements<T>([.. source], refresh, name);
        memory.Source = elements;
        return elements;
    }
}
