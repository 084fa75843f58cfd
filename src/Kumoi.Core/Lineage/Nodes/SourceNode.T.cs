namespace Kumoi.Lineage.Nodes;

internal sealed class SourceNode<T>(
    IEnumerable<T> source, Func<T, CancellationToken, ValueTask<T>>? refresh, IReadOnlySet<FaultDomain> answers, Func<T, string> name)
    : SourceNode(answers)
{
    public override bool CanRefresh => refresh is not null;

    public override ISourceElements Read(LineageMemory memory)
    {
        var elements = new SourceElements<T>([.. source], refresh, name);
        memory.Source = elements;
        return elements;
    }
}
