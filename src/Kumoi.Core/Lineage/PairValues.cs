namespace Kumoi.Lineage;

/// <summary>What comes out of two chains, in pairs, as the chain below both sees it.</summary>
internal sealed class PairValues<TLeft, TRight> : LineageValues<(TLeft Left, TRight Right)>
{
    public override (TLeft Left, TRight Right) Of(LineageItem item) => item is PairItem pair
        ? (pair.Left.Value<TLeft>(), pair.Right.Value<TRight>())
        : throw new ArgumentException("It is no pair.", nameof(item));
}
