namespace Kumoi.Lineage;

internal sealed class ReverseNode(LineageNode parent) : LineageNode(parent)
{
    public override string Name => "reverse";

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) => [.. items.Reverse()];
}
