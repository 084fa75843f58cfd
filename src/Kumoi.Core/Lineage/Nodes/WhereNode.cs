namespace Kumoi.Lineage;

/// <summary>Remembers each element's outcome.</summary>
internal sealed class WhereNode(LineageNode parent, LineageFunction predicate) : LineageNode(parent)
{
    public override string Name => "filter";

    public override LineageFunction Function { get; } = predicate;

    public override bool ChecksAgain => true;

    public override bool IsFilter => true;

    public override bool Passes(LineageItem item) => item.Outcome<bool>(Depth);

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) =>
        items.Where(Passes).ToArray();
}
