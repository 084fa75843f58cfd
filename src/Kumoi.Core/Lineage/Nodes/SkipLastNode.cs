namespace Kumoi.Lineage;

/// <summary>The mirror image of <see cref="SkipNode"/>.</summary>
internal sealed class SkipLastNode(LineageNode parent, int skipped) : LineageNode(parent)
{
    public override string Name => "dropRight";

    public override bool IsExtraction => true;

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) =>
        [.. items.SkipLast(Math.Min(skipped, state.MayHold))];

    public override int Held(int count, int mayHold) => Math.Min(Math.Min(skipped, mayHold), count);
}
