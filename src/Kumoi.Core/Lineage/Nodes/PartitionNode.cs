namespace Kumoi.Lineage.Nodes;

/// <summary>Remembers on which side each element is. Each side is evaluated by itself, and does not take what the other holds.</summary>
internal sealed class PartitionNode<T>(LineageNode parent, Func<T, bool> predicate, Sides sides, bool left) : SideNode(parent, sides, left)
{
    private readonly bool _left = left;

    public override string Name => "partition";

    public override bool Works => true;

    public override bool ChecksAgain => true;

    public override bool IsFilter => true;

    public override ValueTask<object?> WorkAsync(object? value, CancellationToken cancellationToken) =>
        ValueTask.FromResult<object?>(predicate((T)value!));

    public override bool Passes(object? outcome) => (bool)outcome! == _left;

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) =>
        [.. items.Where(item => Passes(item.Outcome(Depth)) && Take(item))];
}
