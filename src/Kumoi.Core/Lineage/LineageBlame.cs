namespace Kumoi.Lineage;

/// <summary>Which elements of sources a failure is of.</summary>
/// <param name="Elements">
/// Those that are to be replaced; none: the failure concerns no element of this lineage, or bars substitutes.
/// </param>
/// <param name="HasReserve">There is an extraction above each of them.</param>
/// <param name="WhyNot">Where there are none: why.</param>
internal readonly record struct LineageBlame(IReadOnlyList<LineageItem> Elements, bool HasReserve, string? WhyNot = null)
{
    /// <summary>The failure concerns no element here.</summary>
    public static LineageBlame None(string? why) => new([], true, why);

    public bool IsReplaceable => HasReserve && Elements.Count > 0;
}
