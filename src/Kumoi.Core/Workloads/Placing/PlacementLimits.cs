namespace Kumoi.Workloads.Placing;

/// <summary>What must be left on a host when a VM has been put on it.</summary>
/// <param name="MaxCpuRatio">The share of its CPUs that may be busy, 0..1. With 1 the load does not matter.</param>
/// <param name="MinFreeMemoryBytes">The memory that must be free.</param>
public sealed record PlacementLimits(double MaxCpuRatio, long MinFreeMemoryBytes);
