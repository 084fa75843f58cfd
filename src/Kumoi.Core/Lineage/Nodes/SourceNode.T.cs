namespace Kumoi.Lineage.Nodes;

internal sealed class SourceNode<T>(
    IEnumerable<T> source, Func<T, CancellationToken, ValueTask<T>>? refresh, IReadOnlySet<FaultDomain> domains, Func<T, string> name)
    : SourceNode(domains)
{
    public override bool CanRefresh => refresh is not null;

    public override IEnumerable<object?> Elements => source.Select(element => (object?)element);

    public override async ValueTask<object?> RefreshAsync(object? element, CancellationToken cancellationToken) =>
        await refresh!((T)element!, cancellationToken);

    public override string NameOf(object? element) => name((T)element!);
}
