namespace Kumoi.Lineage;

/// <summary>A failure, and the elements of sources that are out because of it.</summary>
internal sealed record ElementFailure(Exception Failure, IReadOnlyList<LineageItem> Elements);
