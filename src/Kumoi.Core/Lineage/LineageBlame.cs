namespace Kumoi.Lineage;

/// <summary>Which elements of sources a failure is of.</summary>
/// <param name="Elements">Those that another may stand in for; none: the failure is of no domain that is answered here.</param>
/// <param name="HasReserve">There is an extraction above each of them.</param>
internal readonly record struct LineageBlame(IReadOnlyList<LineageItem> Elements, bool HasReserve)
{
    public bool IsAnswered => HasReserve && Elements.Count > 0;
}
