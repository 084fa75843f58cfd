namespace Kumoi.Lineage;

/// <summary>
/// The paper's takeByScore (001, section 4.1). Remembers each element's score. Takes the best, in the order of the list; of equal scores
/// the first in the list. Its reserve is the rest, the best first.
/// </summary>
internal sealed class TakeByScoreNode(LineageNode parent, int count, LineageFunction score) : LineageNode(parent)
{
    public override string Name => "takeByScore";

    public override bool IsExtraction => true;

    public override LineageFunction Function { get; } = score;

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) =>
        // NaN compares below all numbers: what has no score comes last.
        state.Choose(count, items, items.OrderByDescending(item => item.Outcome<double>(Depth)));
}
