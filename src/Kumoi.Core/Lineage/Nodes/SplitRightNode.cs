namespace Kumoi.Lineage.Nodes;

/// <summary>What comes after the first elements, except what the left side holds. The left side's elements are no reserve for it.</summary>
internal sealed class SplitRightNode(LineageNode parent, int count, Sides sides) : SideNode(parent, sides, left: false)
{
    public override string Name => "splitAt";

    public override bool IsFilter => true;

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) =>
        [.. items.Skip(count).Where(Take)];
}
