namespace Kumoi.Lineage;

/// <summary>Its reserve is the rest, which moves up by itself when elements above are gone.</summary>
internal sealed class TakeNode(LineageNode parent, int count) : LineageNode(parent)
{
    public override string Name => "take";

    public override bool IsExtraction => true;

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) =>
        state.ChooseFirst(count, items);
}
