using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Simulated;

/// <summary>The lifecycle events of simulated hosts.</summary>
public sealed class SimulatedEventTests
{
    private readonly SimulatedDriver _driver = new(new ManualTime());

    [Fact]
    public async Task A_watcher_is_told_what_happens_from_then_on()
    {
        await using var link = await OpenAsync();
        await using var events = link.WatchAsync(default).GetAsyncEnumerator();
        var first = events.MoveNextAsync();
        var vm = await link.SendAsync(new DefineVM(new VMSpec { Name = "web" }), default);
        await link.SendAsync(new StartVM(vm.Id), default);
        Assert.True(await first);
        Assert.Equal((VMLifecycle.Defined, vm.Id, "web"), (events.Current.Kind, events.Current.VMId, events.Current.VMName));
        Assert.True(await events.MoveNextAsync());
        Assert.Equal(VMLifecycle.Started, events.Current.Kind);
    }

    [Fact]
    public async Task A_watcher_that_is_too_slow_is_told_that_it_missed_some()
    {
        await using var link = await OpenAsync();
        await using var events = link.WatchAsync(default).GetAsyncEnumerator();
        var first = events.MoveNextAsync();
        var vm = await link.SendAsync(new DefineVM(new VMSpec { Name = "web" }), default);
        Assert.True(await first);
        for (var i = 0; i < 1000; i++)
        {
            await link.SendAsync(new StartVM(vm.Id), default);
            await link.SendAsync(new DestroyVM(vm.Id), default);
        }

        Assert.True(await events.MoveNextAsync());
        Assert.Equal(VMLifecycle.Gap, events.Current.Kind);
        Assert.True(await events.MoveNextAsync());
        Assert.NotEqual(VMLifecycle.Gap, events.Current.Kind);
    }

    [Fact]
    public async Task Watching_ends_when_the_link_is_closed()
    {
        var link = await OpenAsync();
        await using var events = link.WatchAsync(default).GetAsyncEnumerator();
        var first = events.MoveNextAsync();
        await link.DisposeAsync();
        var failure = await Assert.ThrowsAsync<HypervisorException>(async () => await first);
        Assert.Equal(HypervisorError.ConnectionFailed, failure.Error);
    }

    private Task<IHypervisorLink> OpenAsync() => _driver.OpenAsync(_driver.Resolve("sim://lab?hosts=1&vms=0")[0], default);
}
