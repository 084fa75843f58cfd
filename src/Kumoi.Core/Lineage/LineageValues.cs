namespace Kumoi.Lineage;

/// <summary>A value for each element of a chain. The values' type is known to <see cref="LineageValues{T}"/> only.</summary>
internal abstract class LineageValues
{
    /// <summary>There are so many elements now.</summary>
    public virtual void Reserve(int count)
    {
    }
}
