namespace Kumoi.Workloads.Placing;

/// <summary>What a host must have room for.</summary>
/// <param name="MemoryBytes">The VM's memory.</param>
/// <param name="CpuCount">Its CPUs: no VM gets more than its host has.</param>
/// <param name="Limits">What must be left.</param>
public sealed record PlacementRequest(long MemoryBytes, int CpuCount, PlacementLimits Limits)
{
    /// <summary>
    /// A host that cannot tell its load has room only where the load does not matter; one that is in maintenance has none.
    /// </summary>
    public bool Fits(KumoiHost host) =>
        !host.IsInMaintenance
        && host.CpuCount >= CpuCount
        && host.FreeMemoryBytes - MemoryBytes >= Limits.MinFreeMemoryBytes
        && (double.IsNaN(host.CpuRatio) ? 1 : host.CpuRatio) <= Limits.MaxCpuRatio;
}
