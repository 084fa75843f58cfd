namespace Kumoi.Lineage;

/// <summary>
/// The paper's own accumulateWhile (001, Table 2): the longest prefix in which the predicate holds for each element and those before it.
/// Its reserve is the rest; a candidate must satisfy the predicate against all that is then taken, and one that does not ends the search,
/// as it ends the prefix. What came out stays and is not asked about again.
/// </summary>
internal sealed class AccumulateWhileNode<T>(LineageNode parent, Func<IReadOnlyList<T>, T, bool> predicate) : LineageNode(parent)
{
    public override string Name => "accumulateWhile";

    public override bool IsExtraction => true;

    public override bool Asks => true;

    public override string? NoCandidate => "no candidate: the next element does not satisfy the predicate against what is taken";

    public override IReadOnlyList<LineageItem> Arrange(IReadOnlyList<LineageItem> items, ExtractionState state) =>
        state.ArrangeOnce(items, () => Accumulate(items, state));

    private List<LineageItem> Accumulate(IReadOnlyList<LineageItem> items, ExtractionState state)
    {
        List<LineageItem> taken = [.. items.Where(state.CameOut)];
        List<T> values = [.. taken.Select(Value)];
        var at = 0;
        var holds = true;
        foreach (var item in items)
        {
            if (state.CameOut(item))
            {
                at++;
            }
            else if (holds && (holds = Holds(values, item)))
            {
                taken.Insert(at, item);
                values.Insert(at, Value(item));
                at++;
            }
        }

        return taken;
    }

    private T Value(LineageItem item) => item.ValueAt<T>(Depth);

    private bool Holds(List<T> taken, LineageItem item)
    {
        try
        {
            return predicate(taken.AsReadOnly(), Value(item));
        }
#pragma warning disable CA1031 // whatever the function throws is the failure of its element
        catch (Exception e)
#pragma warning restore CA1031
        {
            throw new FailedElementException(item, e);
        }
    }
}
