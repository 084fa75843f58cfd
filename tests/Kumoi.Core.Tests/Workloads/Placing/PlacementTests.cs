using Kumoi.Workloads.Placing;
using Xunit;

namespace Kumoi.Tests.Workloads.Placing;

public sealed class PlacementTests : WorkloadTest
{
    [Theory]
    [InlineData(PlacementRank.LeastLoaded)]
    [InlineData(PlacementRank.Packed)]
    [InlineData(PlacementRank.MostFreeMemory)]
    [InlineData(PlacementRank.FewestVMs)]
    public async Task Hosts_with_room_come_best_first(PlacementRank rank)
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=20&vms=6&running=5&seed=7");
        var hosts = await ReadAsync(lab);
        var found = Placement.Find(hosts, new PlacementRequest(2L << 30, 4, new PlacementLimits(0.8, 42L << 30)), Placement.RankOf(rank));
        var fitting = hosts.Where(host => host.CpuRatio <= 0.8 && host.FreeMemoryBytes >= 44L << 30).ToList();
        Assert.InRange(fitting.Count, 2, 19);
        var expected = rank switch
        {
            PlacementRank.LeastLoaded => fitting.OrderBy(host => host.CpuRatio),
            PlacementRank.Packed => fitting.OrderByDescending(host => host.CpuRatio),
            PlacementRank.MostFreeMemory => fitting.OrderByDescending(host => host.FreeMemoryBytes),
            _ => fitting.OrderBy(host => host.RunningVMCount),
        };
        Assert.Equal(expected.Select(host => host.Name), found.Select(host => host.Name));
    }

    [Fact]
    public async Task A_host_whose_rank_is_not_known_comes_last_and_one_with_too_few_CPUs_not_at_all()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=4&vms=1&seed=7");
        var hosts = await ReadAsync(lab);
        var found = Placement.Find(hosts, new PlacementRequest(0, 16, Loose), host => host.Name is "kvm01" ? double.NaN : 0);
        Assert.Equal(["kvm02", "kvm03", "kvm04", "kvm01"], found.Select(host => host.Name));
        Assert.Empty(Placement.Find(hosts, new PlacementRequest(0, 17, Loose), _ => 0));
    }
}
