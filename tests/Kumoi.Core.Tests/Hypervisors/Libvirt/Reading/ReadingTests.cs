using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Reading;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Reading;

public sealed class ReadingTests : LibvirtTest
{
    [Fact]
    public async Task A_host_tells_what_it_is()
    {
        var link = await OpenNodeAsync(vmCount: 3);

        var host = await link.SendAsync(new ReadHost(IncludeVMs: true), Deadline);

        Assert.Equal(link.HostName, host.HostName);
        Assert.Equal("TEST", host.HypervisorType, ignoreCase: true);
        Assert.NotNull(host.HypervisorVersion);
        Assert.Equal("kumoi", host.CpuModel);
        Assert.Equal(8, host.CpuCount);
        Assert.Equal(8L << 30, host.MemoryBytes);
        Assert.Equal(3, host.VMs!.Count);
    }

    [Fact]
    public async Task VMs_are_left_out_unless_asked_for()
    {
        var link = await OpenNodeAsync(vmCount: 3);

        Assert.Null((await link.SendAsync(new ReadHost(IncludeVMs: false), Deadline)).VMs);
    }

    [Fact]
    public async Task All_VMs_come_in_one_reading()
    {
        var link = await OpenNodeAsync(vmCount: 200);

        var vms = await link.SendAsync(new ReadVMs(), Deadline);

        Assert.Equal(Enumerable.Range(0, 200).Select(static i => $"vm{i}").Order(), vms.Select(static vm => vm.Name).Order());
        Assert.Equal(200, vms.Select(static vm => vm.Id).Distinct().Count());
        Assert.All(vms, static vm =>
        {
            Assert.Equal(PowerState.Running, vm.State);
            Assert.Equal(64L << 20, vm.MemoryBytes);
            Assert.Equal(2, vm.CpuCount);
            Assert.True(vm.IsPersistent);
        });
    }

    [Fact]
    public async Task A_VM_reads_the_same_alone_by_id_by_name_and_in_bulk()
    {
        var link = await OpenNodeAsync(vmCount: 5);

        var inBulk = (await link.SendAsync(new ReadVMs(), Deadline)).Single(static vm => vm.Name == "vm3");
        var byName = (await link.SendAsync(new FindVMByName("vm3"), Deadline))!;
        var byId = (await link.SendAsync(new FindVM(inBulk.Id), Deadline))!;

        // The CPU time of the test driver is the clock's, so it differs between any two calls.
        Assert.Equal(AtAnyTime(inBulk), AtAnyTime(byName));
        Assert.Equal(AtAnyTime(inBulk), AtAnyTime(byId));

        static VMReading AtAnyTime(VMReading vm) => vm with { CapturedAt = default, CpuTime = default, CpuRatio = default };
    }

    [Fact]
    public async Task A_VM_that_is_not_there_reads_as_null()
    {
        var link = await OpenNodeAsync();

        Assert.Null(await link.SendAsync(new FindVMByName("nobody"), Deadline));
        Assert.Null(await link.SendAsync(new FindVM(Guid.NewGuid()), Deadline));
        Assert.Empty(await link.SendAsync(new ReadVMs(), Deadline));
    }

    [Fact]
    public async Task Many_readers_share_a_link()
    {
        var link = await OpenNodeAsync(vmCount: 20);

        var readings =
            await Task.WhenAll(Enumerable.Range(0, 400).Select(_ => link.SendAsync(new ReadVMs(), Deadline).AsTask()));

        Assert.All(readings, static vms => Assert.Equal(20, vms.Count));
    }

    [Fact]
    public void The_busy_share_of_the_CPUs_is_that_between_two_samples()
    {
        Assert.Equal(0.25, CpuSampler.Ratio(new(0, 100, 1000), new(1, 200, 1400)));
        Assert.Equal(double.NaN, CpuSampler.Ratio(new(0, 100, 1000), new(1, 100, 1000)));
        Assert.Equal(double.NaN, CpuSampler.Ratio(new(0, 900, 1000), new(1, 10, 20))); // the host was booted in between
    }

    [Theory]
    [InlineData(0, PowerState.Unknown)]
    [InlineData(1, PowerState.Running)]
    [InlineData(2, PowerState.Running)]
    [InlineData(3, PowerState.Paused)]
    [InlineData(4, PowerState.Running)]
    [InlineData(5, PowerState.Shutoff)]
    [InlineData(6, PowerState.Crashed)]
    [InlineData(7, PowerState.PMSuspended)]
    [InlineData(99, PowerState.Unknown)]
    public void States_of_libvirt_are_folded_into_ours(int native, PowerState expected) =>
        Assert.Equal(expected, VMStats.ToPowerState(native));
}
