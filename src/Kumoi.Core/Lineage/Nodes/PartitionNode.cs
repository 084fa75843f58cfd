namespace Kumoi.Lineage;

/// <summary>Remembers on which side each element is. Each side is evaluated by itself, and does not take what the other holds.</summary>
internal sealed class PartitionNode(LineageNode parent, LineageFunction predicate, Sides sides, bool left) : SideNode(parent, sides, left)
{
    private readonly bool _left = left;

    public override string Name => "partition";

    public override LineageFunction Function { get; } = predicate;

    public override bool ChecksAgain => true;

    public override bool IsFilter => true;

    public override bool Passes(LineageItem item) => item.Outcome<bool>(Depth) == _left;

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) =>
        [.. items.Where(item => Passes(item) && Take(item))];
}
