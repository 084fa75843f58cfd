namespace Kumoi.Lineage;

/// <summary>Its reserve is what it skipped, nearest the boundary first: it skips fewer.</summary>
internal sealed class SkipNode(LineageNode parent, int skipped) : LineageNode(parent)
{
    public override string Name => "drop";

    public override bool IsExtraction => true;

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) =>
        [.. items.Skip(Math.Min(skipped, state.MayHold))];

    public override int Held(int count, int mayHold) => Math.Min(Math.Min(skipped, mayHold), count);
}
