namespace Kumoi.Lineage.Nodes;

/// <summary>Remembers each element's outcome.</summary>
internal sealed class WhereNode<T>(LineageNode parent, Func<T, CancellationToken, ValueTask<bool>> predicate) : LineageNode(parent)
{
    public override string Name => "filter";

    public override bool Works => true;

    public override bool ChecksAgain => true;

    public override bool IsFilter => true;

    public override async ValueTask<object?> WorkAsync(object? value, CancellationToken cancellationToken) =>
        await predicate((T)value!, cancellationToken);

    public override bool Passes(object? outcome) => (bool)outcome!;

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) =>
        [.. items.Where(item => Passes(item.Outcome(Depth)))];
}
