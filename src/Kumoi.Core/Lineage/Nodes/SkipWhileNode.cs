namespace Kumoi.Lineage;

/// <summary>
/// The paper's dropWhile (001, Table 2). Remembers each element's outcome, so what it skipped never qualifies: it is no reserve.
/// What came out stays and what was skipped stays skipped, also when the element that ended the skipping fails.
/// </summary>
internal sealed class SkipWhileNode(LineageNode parent, LineageFunction predicate) : LineageNode(parent)
{
    public override string Name => "dropWhile";

    public override bool IsExtraction => true;

    public override LineageFunction Function { get; } = predicate;

    public override string? NoCandidate => "no candidate: for all that was skipped the predicate holds";

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state)
    {
        var skipping = true;
        List<LineageItem> kept = [];
        foreach (var item in items.Where(item => !state.Decided.Contains(item)))
        {
            skipping = skipping && !state.CameOut(item) && item.Outcome<bool>(Depth);
            if (skipping)
            {
                state.Decided.Add(item);
            }
            else
            {
                kept.Add(item);
            }
        }

        return kept;
    }
}
