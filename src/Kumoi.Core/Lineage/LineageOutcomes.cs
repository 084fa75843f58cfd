namespace Kumoi.Lineage;

/// <summary>
/// What a function made of the elements on which it was run. Side by side, in their own type: an object for each of a hundred thousand
/// answers would be felt.
/// </summary>
internal sealed class LineageOutcomes<T> : LineageValues<T>
{
    private T[] _outcomes = [];

    public override T Of(LineageItem item) => _outcomes[item.Index];

    public override void Reserve(int count)
    {
        if (_outcomes.Length < count)
        {
            Array.Resize(ref _outcomes, count);
        }
    }

    public void Set(LineageItem item, T outcome) => _outcomes[item.Index] = outcome;
}
