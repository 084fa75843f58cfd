namespace Kumoi.Workloads.Placing;

/// <summary>The rank scheduler (paper 000, Fig. 17): the hosts that have room, the best by a rank first.</summary>
public static class Placement
{
    /// <summary>
    /// The hosts that have room, the highest rank first; of equal ranks, and where a rank is NaN, in the order in which they came.
    /// </summary>
    /// <param name="hosts">The candidates.</param>
    /// <param name="request">What must fit.</param>
    /// <param name="rank">Higher is better; NaN is the worst.</param>
    public static IReadOnlyList<KumoiHost> Find(IEnumerable<KumoiHost> hosts, PlacementRequest request, Func<KumoiHost, double> rank) =>
        [.. hosts.Where(request.Fits).Select(host => (Host: host, Rank: rank(host))).OrderByDescending(pair => pair.Rank)
            .Select(pair => pair.Host)];

    /// <summary>Where a VM goes that nobody has chosen a host for: the most free memory, and room for all of it; null: nowhere.</summary>
    public static KumoiHost? ForNewVM(IEnumerable<KumoiHost> hosts, long memoryBytes, int cpuCount) => Find(
        hosts, new PlacementRequest(memoryBytes, cpuCount, new PlacementLimits(MaxCpuRatio: 1, MinFreeMemoryBytes: 0)),
        RankOf(PlacementRank.MostFreeMemory)).FirstOrDefault();

    /// <summary>The rank of a name.</summary>
    public static Func<KumoiHost, double> RankOf(PlacementRank rank) => rank switch
    {
        PlacementRank.MostFreeMemory => host => host.FreeMemoryBytes,
        PlacementRank.FewestVMs => host => -host.RunningVMCount,
        PlacementRank.Packed => host => host.CpuRatio,
        _ => host => -host.CpuRatio,
    };
}
