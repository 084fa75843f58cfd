using Kumoi.FailureOblivious;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Xunit;

namespace Kumoi.Tests.FailureOblivious;

public sealed class FailureObliviousListTests
{
    [Fact]
    public async Task Elements_that_fail_are_left_out_of_every_operation_and_the_order_is_kept()
    {
        var list = Enumerable.Range(1, 6).FailureOblivious();
        Assert.Equal([10, 20, 40, 50, 60], (await list.SelectAsync(Times10)).Elements);
        Assert.Equal([2, 4, 6], (await list.WhereAsync(async (i, t) => await Times10(i, t) % 20 == 0)).Elements);
        Assert.Equal(180, await list.AggregateAsync(0, Times10, (sum, value) => sum + value));
        Assert.Equal(5, await list.CountAsync(async (i, t) => await Times10(i, t) > 0));
        Assert.Equal([1, 2, 4, 5, 6], (await list.ForEachAsync(Times10)).Elements);
        Assert.False(await list.AnyAsync(async (i, t) => await Times10(i, t) == 30));
        Assert.True(await list.AllAsync(async (i, t) => await Times10(i, t) != 30));
        Assert.Equal(
            ["map", "filter", "reduce", "count", "foreach", "any", "all"],
            list.Log.Failures.Cast<MaskedListFailure>().Select(failure => failure.Operation));
        Assert.All(list.Log.Failures, failure => Assert.Equal("3", Assert.Single(((MaskedListFailure)failure).Elements).Element));

        static Task<int> Times10(int i, CancellationToken token) =>
            i == 3 ? Task.FromException<int>(new HypervisorException("three")) : Task.FromResult(i * 10);
    }

    [Fact]
    public async Task A_failing_read_fails_its_element_and_is_not_masked_to_a_default()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=4");
        lab.Break("kvm02", FaultOperation.Read);
        using var scope = FailureObliviousScope.Enter(lab.Fleet);
        var ratios = await lab.Fleet.Hosts.FailureOblivious()
            .SelectAsync(async (host, token) => (await host.Link.SendAsync(new ReadHost(false), token)).HostName);
        Assert.Equal(["kvm01", "kvm03", "kvm04"], ratios.Elements);
        Assert.IsType<MaskedListFailure>(Assert.Single(scope.Log.Failures));
    }

    [Fact]
    public async Task The_mean_leaves_an_unreachable_host_out()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=3&vms=0&seed=7");
        lab.Break("kvm02", FaultOperation.Read);
        var (sum, count) = await lab.Fleet.Hosts.FailureOblivious().AggregateAsync(
            (Sum: 0.0, Count: 0),
            async (host, token) => (await host.Link.SendAsync(new ReadHost(false), token)).CpuRatio,
            (mean, ratio) => (mean.Sum + ratio, mean.Count + 1));
        lab.Faults.Remove(lab.Faults.Rules[0].Rule.Id);
        var first = await lab.Host("kvm01").Link.SendAsync(new ReadHost(false), default);
        var third = await lab.Host("kvm03").Link.SendAsync(new ReadHost(false), default);
        Assert.Equal((2, first.CpuRatio + third.CpuRatio), (count, sum));
    }

    [Fact]
    public async Task An_unknown_outcome_ends_the_operation()
    {
        var list = Enumerable.Range(1, 3).FailureOblivious();
        await Assert.ThrowsAsync<HypervisorException>(
            () => list.ForEachAsync((i, _) => Task.FromException(new HypervisorException("lost", outcomeUnknown: true))));
    }
}
