using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Connections;

public sealed class EventTests : LibvirtTest
{
    private readonly OperationId _operation = OperationId.New();

    [Fact]
    public async Task What_happens_to_a_VM_is_told_in_order()
    {
        var link = await OpenNodeAsync(vmCount: 1);
        await using var events = await WatchAsync(link);

        var vm = await link.SendAsync(new DefineVM(Small("web")) { Operation = _operation }, Deadline);
        await link.SendAsync(new StartVM(vm.Id, Paused: false) { Operation = _operation }, Deadline);
        await link.SendAsync(new SuspendVM(vm.Id) { Operation = _operation }, Deadline);
        await link.SendAsync(new ResumeVM(vm.Id) { Operation = _operation }, Deadline);
        await link.SendAsync(new DestroyVM(vm.Id) { Operation = _operation }, Deadline);
        await link.SendAsync(new UndefineVM(vm.Id, RemoveVolumes: false) { Operation = _operation }, Deadline);

        List<VMLifecycle> kinds = [];
        while (!kinds.Contains(VMLifecycle.Undefined) && await events.MoveNextAsync())
        {
            if (events.Current.VMId == vm.Id)
            {
                Assert.Equal("web", events.Current.VMName);
                kinds.Add(events.Current.Kind);
            }
        }

        Assert.Equal(
            [VMLifecycle.Defined, VMLifecycle.Started, VMLifecycle.Suspended, VMLifecycle.Resumed, VMLifecycle.Stopped,
                VMLifecycle.Undefined],
            kinds);
    }

    [Fact]
    public async Task Two_watchers_see_the_same_and_one_may_leave()
    {
        var link = await OpenNodeAsync(vmCount: 1);
        await using var staying = await WatchAsync(link);
        await using (await WatchAsync(link))
        {
        }

        await link.SendAsync(new DefineVM(Small("web")) { Operation = _operation }, Deadline);

        while (staying.Current.VMName != "web")
        {
            Assert.True(await staying.MoveNextAsync());
        }

        Assert.Equal(VMLifecycle.Defined, staying.Current.Kind);
    }

    [Fact]
    public async Task A_watch_ends_when_it_is_cancelled()
    {
        var link = await OpenNodeAsync(vmCount: 1);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Deadline);
        await using var events = await WatchAsync(link, stop.Token);

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            while (await events.MoveNextAsync())
            {
            }
        });
    }

    [Fact]
    public async Task A_watch_ends_when_its_link_is_disposed()
    {
        var link = await OpenNodeAsync(vmCount: 1);
        await using var events = await WatchAsync(link);
        // One who watched later is told later: what it has heard, the first one has been told.
        await using var later = await WatchAsync(link);

        var first = events.Current;
        var vm = (await link.SendAsync(new FindVMByName("vm0"), Deadline))!;
        await link.SendAsync(new DestroyVM(vm.Id) { Operation = _operation }, Deadline);
        while (later.Current.Kind != VMLifecycle.Stopped)
        {
            Assert.True(await later.MoveNextAsync());
        }

        await link.DisposeAsync();

        List<VMLifecycleEvent> rest = [];
        while (await events.MoveNextAsync())
        {
            rest.Add(events.Current);
        }

        // What had happened is told to the end, nothing is made up, and the end is the end. A reader that was too slow is told of a gap.
        Assert.All(rest.SkipLast(1), static told => Assert.True(
            told.Kind is VMLifecycle.Suspended or VMLifecycle.Resumed or VMLifecycle.Gap, told.ToString()));
        Assert.Equal(VMLifecycle.Stopped, rest.Prepend(first).Last().Kind);
        Assert.False(await events.MoveNextAsync());
    }

    [Fact]
    public async Task A_reader_that_is_too_slow_learns_that_it_missed_events()
    {
        var sink = new LifecycleSink(capacity: 2, TimeProvider.System);

        for (var i = 0; i < 5; i++)
        {
            sink.Post(new VMLifecycleEvent(default, Guid.NewGuid(), $"vm{i}", VMLifecycle.Started));
        }

        sink.Complete();
        List<VMLifecycleEvent> told = [];
        while (await sink.WaitAsync(Deadline))
        {
            while (sink.TryTake(out var happened))
            {
                told.Add(happened);
            }
        }

        Assert.Equal([VMLifecycle.Gap, VMLifecycle.Started, VMLifecycle.Started], told.Select(static e => e.Kind));
        Assert.Equal(["vm0", "vm1"], told.Skip(1).Select(static e => e.VMName));
    }

    [Theory]
    [InlineData(0, 0, VMLifecycle.Defined)]
    [InlineData(1, 0, VMLifecycle.Undefined)]
    [InlineData(2, 1, VMLifecycle.Started)] // migrated here
    [InlineData(3, 0, VMLifecycle.Suspended)]
    [InlineData(4, 0, VMLifecycle.Resumed)]
    [InlineData(5, 1, VMLifecycle.Stopped)]
    [InlineData(5, 2, VMLifecycle.Crashed)] // the guest crashed
    [InlineData(5, 5, VMLifecycle.Crashed)] // its emulator died
    [InlineData(6, 0, VMLifecycle.Shutdown)]
    [InlineData(7, 0, VMLifecycle.PMSuspended)]
    [InlineData(8, 0, VMLifecycle.Crashed)]
    [InlineData(77, 0, VMLifecycle.Unknown)]
    public void Events_of_libvirt_are_folded_into_ours(int kind, int detail, VMLifecycle expected) =>
        Assert.Equal(expected, LifecycleFeed.ToLifecycle(kind, detail));

    /// <summary>A watch that is known to be registered: it has told an event of vm0.</summary>
    private async Task<IAsyncEnumerator<VMLifecycleEvent>> WatchAsync(IHypervisorLink link, CancellationToken? cancellationToken = null)
    {
        var vm = (await link.SendAsync(new FindVMByName("vm0"), Deadline))!;
        var events = link.WatchAsync(cancellationToken ?? Deadline).GetAsyncEnumerator(Deadline);
        var first = events.MoveNextAsync().AsTask();
        while (!first.IsCompleted)
        {
            await link.SendAsync(new SuspendVM(vm.Id) { Operation = _operation }, Deadline);
            await link.SendAsync(new ResumeVM(vm.Id) { Operation = _operation }, Deadline);
        }

        Assert.True(await first);
        return events;
    }
}
