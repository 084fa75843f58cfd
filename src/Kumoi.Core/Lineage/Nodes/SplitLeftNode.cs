namespace Kumoi.Lineage;

/// <summary>The first elements that the right side does not hold. Its reserve is the rest of these.</summary>
internal sealed class SplitLeftNode(LineageNode parent, int count, Sides sides) : SideNode(parent, sides, left: true)
{
    public override string Name => "splitAt";

    public override bool IsExtraction => true;

    public override bool IsConditional => true;

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) =>
        state.Choose(count, items, items.Where(Take));
}
