namespace Kumoi.Lineage;

/// <summary>The mirror image of <see cref="TakeNode"/>.</summary>
internal sealed class TakeLastNode(LineageNode parent, int count) : LineageNode(parent)
{
    public override string Name => "takeRight";

    public override bool IsExtraction => true;

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) =>
        state.Choose(count, items, items.Reverse());
}
