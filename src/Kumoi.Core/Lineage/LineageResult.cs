namespace Kumoi.Lineage;

/// <summary>What an evaluation gave, in the order of the lineage, and how it came about.</summary>
public sealed record LineageResult<T>(IReadOnlyList<T> Items, LineageTrace Trace);
