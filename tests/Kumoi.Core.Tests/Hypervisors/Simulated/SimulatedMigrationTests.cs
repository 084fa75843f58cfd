using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Simulated;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Simulated;

/// <summary>Migrations of simulated VMs, in virtual time: each takes four delays of 10 ms after the call's own.</summary>
public sealed class SimulatedMigrationTests : IAsyncLifetime
{
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(10);

    private readonly ManualTime _time = new();
    private readonly List<IHypervisorLink> _links = [];
    private Guid _vm;

    private IHypervisorLink One => _links[0];

    private IHypervisorLink Two => _links[1];

    public async ValueTask InitializeAsync()
    {
        var driver = new SimulatedDriver(_time);
        foreach (var address in driver.Resolve("sim://lab?hosts=2&vms=1&running=1&seed=7&delay=10"))
        {
            _links.Add(await driver.OpenAsync(address, CancellationToken.None));
        }

        _vm = (await Pass(One.SendAsync(new ReadVMs(), default).AsTask()))[0].Id;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var link in _links)
        {
            await link.DisposeAsync();
        }
    }

    [Fact]
    public async Task The_VM_moves_running_and_tells_how_far_it_is()
    {
        List<double> progress = [];
        var moved = await Pass(Migrate(new Progress(now => progress.Add(now.Ratio))));
        Assert.Equal(PowerState.Running, moved.State);
        Assert.Equal([0.25, 0.5, 0.75, 1], progress);
        Assert.Empty(await Pass(One.SendAsync(new ReadVMs(), default).AsTask()));
        Assert.Equal(["kvm01-1", "kvm02-1"], (await Pass(Two.SendAsync(new ReadVMs(), default).AsTask())).Select(vm => vm.Name));
    }

    [Fact]
    public async Task Its_counters_begin_anew_on_the_target_as_those_of_a_new_QEMU_do()
    {
        _time.Advance(TimeSpan.FromHours(1));
        var before = (await Pass(One.SendAsync(new FindVM(_vm), default).AsTask()))!;
        var moved = await Pass(Migrate());
        Assert.Equal((TimeSpan.Zero, 0L, 0L, 0L, 0L), Counters(moved));
        _time.Advance(TimeSpan.FromMinutes(30));
        var after = (await Pass(Two.SendAsync(new FindVM(_vm), default).AsTask()))!;
        Assert.InRange(after.CpuTime, before.CpuTime * 0.49, before.CpuTime * 0.51);
        Assert.InRange(after.DiskReadBytes, (long)(before.DiskReadBytes * 0.49), (long)(before.DiskReadBytes * 0.51));

        static (TimeSpan CpuTime, long Read, long Written, long Received, long Sent) Counters(VMReading vm) =>
            (vm.CpuTime, vm.DiskReadBytes, vm.DiskWrittenBytes, vm.NetworkReceivedBytes, vm.NetworkSentBytes);
    }

    [Fact]
    public async Task While_it_moves_nothing_else_is_done_to_it()
    {
        var migration = Migrate();
        _time.Advance(Delay);
        foreach (var call in new Task[]
        {
            One.SendAsync(new DestroyVM(_vm), default).AsTask(), One.SendAsync(new SuspendVM(_vm), default).AsTask(), Migrate(),
        })
        {
            _time.Advance(Delay / 2);
            Assert.Equal(HypervisorError.InvalidState, (await Assert.ThrowsAsync<HypervisorException>(() => Pass(call))).Error);
        }

        await Pass(migration);
    }

    [Fact]
    public async Task Cancelled_it_stays_where_it_was()
    {
        using var source = new CancellationTokenSource();
        var migration = Migrate(cancellationToken: source.Token);
        _time.Advance(Delay * 3);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => migration);
        Assert.Single(await Pass(One.SendAsync(new ReadVMs(), default).AsTask()));
        Assert.Single(await Pass(Two.SendAsync(new ReadVMs(), default).AsTask()));
        await Pass(Migrate());
    }

    [Fact]
    public async Task It_is_not_lost_when_the_target_gets_a_VM_of_its_name_meanwhile()
    {
        var migration = Migrate();
        _time.Advance(Delay * 2);
        var define = Two.SendAsync(new DefineVM(new VMSpec { Name = "kvm01-1" }), default).AsTask();
        await Pass(define);
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => Pass(migration));
        Assert.Equal((HypervisorError.VMExists, FaultDomain.Host), (failure.Error, failure.FaultDomain));
        Assert.Equal(_vm, Assert.Single(await Pass(One.SendAsync(new ReadVMs(), default).AsTask())).Id);
    }

    [Fact]
    public async Task It_does_not_rise_again_on_the_target_when_its_definition_was_undone_meanwhile()
    {
        var operation = OperationId.New();
        var vm = await Pass(One.SendAsync(new DefineVM(new VMSpec { Name = "web" }) { Operation = operation }, default).AsTask());
        await Pass(One.SendAsync(new StartVM(vm.Id), default).AsTask());
        var migration = One.SendAsync(new MigrateVM(vm.Id, Two, new MigrationOptions()), default).AsTask();
        _time.Advance(Delay * 2);
        Assert.True(await Pass(One.SendAsync(new UndoDefineVM(operation), default).AsTask()));
        Assert.Equal(HypervisorError.Aborted, (await Assert.ThrowsAsync<HypervisorException>(() => Pass(migration))).Error);
        Assert.DoesNotContain(await Pass(Two.SendAsync(new ReadVMs(), default).AsTask()), found => found.Id == vm.Id);
    }

    [Fact]
    public async Task Two_at_once_do_not_overfill_the_target()
    {
        var free = (await Pass(Two.SendAsync(new ReadHost(false), default).AsTask())).FreeMemoryBytes;
        var own = await Pass(
            Two.SendAsync(new DefineVM(new VMSpec { Name = "ballast", MemoryBytes = free - (6L << 30) }), default).AsTask());
        await Pass(Two.SendAsync(new StartVM(own.Id), default).AsTask());
        var other = await Pass(One.SendAsync(new DefineVM(new VMSpec { Name = "web", MemoryBytes = 4L << 30 }), default).AsTask());
        await Pass(One.SendAsync(new StartVM(other.Id), default).AsTask());

        var first = Migrate();
        var second = One.SendAsync(new MigrateVM(other.Id, Two, new MigrationOptions()), default).AsTask();
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => Pass(Task.WhenAll(first, second)));
        Assert.Equal((HypervisorError.ResourceUnavailable, FaultDomain.Host), (failure.Error, failure.FaultDomain));
        Assert.Single(await Pass(One.SendAsync(new ReadVMs(), default).AsTask()));
        Assert.True((await Pass(Two.SendAsync(new ReadHost(false), default).AsTask())).FreeMemoryBytes >= 0);
    }

    [Fact]
    public async Task To_the_same_host_or_another_fleet_it_cannot_go()
    {
        var same = One.SendAsync(new MigrateVM(_vm, One, new MigrationOptions()), default).AsTask();
        Assert.Equal(HypervisorError.InvalidState, (await Assert.ThrowsAsync<HypervisorException>(() => Pass(same))).Error);

        var driver = new SimulatedDriver(_time);
        await using var strange = await driver.OpenAsync(driver.Resolve("sim://elsewhere")[0], default);
        var away = One.SendAsync(new MigrateVM(_vm, strange, new MigrationOptions()), default).AsTask();
        Assert.Equal(HypervisorError.NotSupported, (await Assert.ThrowsAsync<HypervisorException>(() => Pass(away))).Error);
    }

    private Task<VMReading> Migrate(IProgress<MigrationProgress>? progress = null, CancellationToken cancellationToken = default) =>
        One.SendAsync(new MigrateVM(_vm, Two, new MigrationOptions()) { Progress = progress }, cancellationToken).AsTask();

    /// <summary>Lets time pass until the call has ended.</summary>
    private async Task<T> Pass<T>(Task<T> call)
    {
        await Pass((Task)call);
        return await call;
    }

    private async Task Pass(Task call)
    {
        while (!call.IsCompleted)
        {
            _time.Advance(Delay);
            await Task.Yield();
        }

        await call;
    }

    private sealed class Progress(Action<MigrationProgress> report) : IProgress<MigrationProgress>
    {
        public void Report(MigrationProgress value) => report(value);
    }
}
