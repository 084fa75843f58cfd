namespace Kumoi.Lineage;

/// <summary>
/// What comes after the first elements, except what the left side holds. The left side's elements are no reserve for it. What came out
/// stays, wherever a substitute from further up comes to stand.
/// </summary>
internal sealed class SplitRightNode(LineageNode parent, int count, Sides sides) : SideNode(parent, sides, left: false)
{
    public override string Name => "splitAt";

    public override bool IsFilter => true;

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state)
    {
        List<LineageItem> right = [.. items.Where((item, i) => (i >= count || state.Decided.Contains(item)) && Take(item))];
        state.Decided.UnionWith(right);
        return right;
    }
}
