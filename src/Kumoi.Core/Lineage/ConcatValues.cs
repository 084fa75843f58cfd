namespace Kumoi.Lineage;

/// <summary>What comes out of one of two chains, as the chain below both sees it.</summary>
internal sealed class ConcatValues<T> : LineageValues<T>
{
    public override T Of(LineageItem item) => ((ConcatItem)item).Part.Value<T>();
}
