namespace Kumoi.Lineage;

/// <summary>
/// Paper 001, Table 2. Remembers each element's outcome, so the element at which it stopped never qualifies: its rest is no reserve.
/// What came out stays, wherever a substitute from further up comes to stand.
/// </summary>
internal sealed class TakeWhileNode(LineageNode parent, LineageFunction predicate) : LineageNode(parent)
{
    public override string Name => "takeWhile";

    public override bool IsExtraction => true;

    public override LineageFunction Function { get; } = predicate;

    public override bool ChecksAgain => true;

    public override string? NoCandidate => "no candidate: the rest begins with an element for which the predicate does not hold";

    public override bool Passes(LineageItem item) => item.Outcome<bool>(Depth);

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state)
    {
        var holds = true;
        return [.. items.Where(item => state.CameOut(item) || (holds = holds && Passes(item)))];
    }
}
