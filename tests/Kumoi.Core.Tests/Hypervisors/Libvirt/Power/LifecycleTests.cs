using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Power;

public sealed class LifecycleTests : LibvirtTest
{
    private readonly OperationId _operation = OperationId.New();

    [Fact]
    public async Task A_VM_goes_through_its_whole_life()
    {
        var link = await OpenNodeAsync();

        var vm = await link.SendAsync(new DefineVM(Small("web") with { CpuCount = 2 }) { Operation = _operation }, Deadline);
        Assert.Equal("web", vm.Name);
        Assert.Equal(PowerState.Shutoff, vm.State);
        Assert.Equal(64L << 20, vm.MemoryBytes);
        Assert.Equal(2, vm.CpuCount);
        Assert.True(vm.IsPersistent);

        await link.SendAsync(new StartVM(vm.Id, Paused: false) { Operation = _operation }, Deadline);
        Assert.Equal(PowerState.Running, await StateAsync(link, vm));
        await link.SendAsync(new SuspendVM(vm.Id) { Operation = _operation }, Deadline);
        Assert.Equal(PowerState.Paused, await StateAsync(link, vm));
        await link.SendAsync(new ResumeVM(vm.Id) { Operation = _operation }, Deadline);
        await link.SendAsync(new RebootVM(vm.Id) { Operation = _operation }, Deadline);
        await link.SendAsync(new DestroyVM(vm.Id) { Operation = _operation }, Deadline);
        Assert.Equal(PowerState.Shutoff, await StateAsync(link, vm));
        await link.SendAsync(new StartVM(vm.Id, Paused: false) { Operation = _operation }, Deadline);
        await link.SendAsync(new ShutdownVM(vm.Id) { Operation = _operation }, Deadline);
        Assert.Equal(PowerState.Shutoff, await StateAsync(link, vm));

        await link.SendAsync(new UndefineVM(vm.Id, RemoveVolumes: false) { Operation = _operation }, Deadline);
        Assert.Null(await link.SendAsync(new FindVM(vm.Id), Deadline));
        Assert.Null(await link.SendAsync(new FindVMByName("web"), Deadline));
    }

    [Fact]
    public async Task Resuming_a_VM_that_its_guest_has_suspended_asks_libvirt_to_wake_it()
    {
        var link = await OpenNodeAsync(
            extra: "<domain type='test'><name>asleep</name><memory>65536</memory><os><type>hvm</type></os>"
            + "<test:runstate xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>7</test:runstate></domain>");
        var vm = (await link.SendAsync(new FindVMByName("asleep"), Deadline))!;
        Assert.Equal(PowerState.PMSuspended, vm.State);
        // The test driver cannot do that, and says what it was asked for; virDomainResume it refuses in other words.
        var failure = await FailsAsync(
            HypervisorError.NotSupported, () => link.SendAsync(new ResumeVM(vm.Id) { Operation = _operation }, Deadline).AsTask());
        Assert.Contains("virDomainPMWakeup", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_active_storage_pools_of_a_host_are_read()
    {
        var link = await OpenNodeAsync(
            extra: "<pool type='netfs'><name>nfs</name><source><host name='nas'/><dir "
                + "path='/export'/></source><target><path>/shared/</path></target></pool>");
        var pools = await link.SendAsync(new ReadPools(), Deadline);
        Assert.Equal(
            [new StoragePoolReading("default", "dir", "/images", ""), new StoragePoolReading("nfs", "netfs", "/shared", "nas|/export")],
            pools.OrderBy(pool => pool.Name));
        Assert.Equal([false, true], pools.OrderBy(pool => pool.Name).Select(pool => pool.IsNetworked));
    }

    [Fact]
    public async Task A_running_VM_is_not_undefined()
    {
        var link = await OpenNodeAsync();
        var vm = await link.SendAsync(new DefineVM(Small("web")) { Operation = _operation }, Deadline);
        await link.SendAsync(new StartVM(vm.Id, Paused: false) { Operation = _operation }, Deadline);

        await FailsAsync(
            HypervisorError.InvalidState, FaultDomain.VM,
            () => link.SendAsync(new UndefineVM(vm.Id, RemoveVolumes: true) { Operation = _operation }, Deadline).AsTask());

        Assert.True((await link.SendAsync(new FindVM(vm.Id), Deadline))!.IsPersistent);
    }

    [Fact]
    public async Task A_stopped_VM_is_not_stopped_again()
    {
        var link = await OpenNodeAsync(vmCount: 1);
        var vm = (await link.SendAsync(new FindVMByName("vm0"), Deadline))!;
        await link.SendAsync(new DestroyVM(vm.Id) { Operation = _operation }, Deadline);

        var failure = await FailsAsync(
            HypervisorError.InvalidState, FaultDomain.VM,
            () => link.SendAsync(new DestroyVM(vm.Id) { Operation = _operation }, Deadline).AsTask());

        Assert.False(failure.IsTransient);
        Assert.False(failure.OutcomeUnknown);
        Assert.Equal(55, failure.NativeCode);
        Assert.NotNull(failure.RecommendedAction);
    }

    [Fact]
    public async Task A_VM_that_is_not_there_is_a_failure_of_the_VM()
    {
        var link = await OpenNodeAsync();

        await FailsAsync(
            HypervisorError.VMNotFound, FaultDomain.VM,
            () => link.SendAsync(new StartVM(Guid.NewGuid(), Paused: false) { Operation = _operation }, Deadline).AsTask());
        await FailsAsync(HypervisorError.VMNotFound, FaultDomain.VM, () => link.SendAsync(new ReadXml(Guid.NewGuid()), Deadline).AsTask());
    }

    [Fact]
    public async Task A_driver_that_cannot_start_paused_does_not_start_at_all()
    {
        var link = await OpenNodeAsync();
        var vm = await link.SendAsync(new DefineVM(Small("web")) { Operation = _operation }, Deadline);

        await FailsAsync(
            HypervisorError.NotSupported, FaultDomain.Host,
            () => link.SendAsync(new StartVM(vm.Id, Paused: true) { Operation = _operation }, Deadline).AsTask());

        Assert.Equal(PowerState.Shutoff, await StateAsync(link, vm));
    }

    [Fact]
    public async Task Migration_is_not_supported_by_the_test_driver_and_leaves_the_VM_alone()
    {
        var source = await OpenNodeAsync(vmCount: 1);
        var target = await OpenNodeAsync();
        var vm = (await source.SendAsync(new FindVMByName("vm0"), Deadline))!;

        await FailsAsync(
            HypervisorError.NotSupported,
            FaultDomain.Host,
            () => source.SendAsync(new MigrateVM(vm.Id, target, new MigrationOptions()) { Operation = _operation }, Deadline).AsTask());

        Assert.Equal(PowerState.Running, await StateAsync(source, vm));
    }

    private async Task<PowerState> StateAsync(IHypervisorLink link, VMReading vm) =>
        (await link.SendAsync(new FindVM(vm.Id), Deadline))!.State;
}
