using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt;
using Kumoi.Hypervisors.Libvirt.Reading;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Reading;

/// <summary>How busy the CPUs of a VM were between two readings.</summary>
public sealed class VMCpuRatioTests : LibvirtTest
{
    private static readonly Guid Vm = Guid.NewGuid();

    private readonly ManualTime _time = new();
    private readonly VMCpuSampler _sampler;

    public VMCpuRatioTests() => _sampler = new VMCpuSampler(_time, static domain => (uint)domain);

    [Fact]
    public void It_is_the_share_of_all_its_CPUs_between_two_readings()
    {
        Assert.Equal(double.NaN, Read(usedSeconds: 100));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(0.25, Read(usedSeconds: 105)); // of two CPUs
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0, Read(usedSeconds: 105));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, Read(usedSeconds: 110)); // with what the hypervisor used for it
    }

    [Fact]
    public void Readings_too_close_to_each_other_repeat_the_last_ratio()
    {
        Read(usedSeconds: 100);
        _time.Advance(TimeSpan.FromSeconds(10));
        Read(usedSeconds: 105);
        _time.Advance(CpuSampler.MinimumSpan - TimeSpan.FromTicks(1));
        Assert.Equal(0.25, Read(usedSeconds: 200));
        _time.Advance(TimeSpan.FromTicks(1));
        Assert.Equal(0, Read(usedSeconds: 105));
    }

    [Fact]
    public void A_reading_that_a_later_one_overtook_does_not_count()
    {
        Read(usedSeconds: 100);
        var earlier = _time.GetTimestamp();
        _time.Advance(TimeSpan.FromSeconds(10));
        Read(usedSeconds: 105);
        Assert.Equal(0.25, _sampler.Read(1, Vm, PowerState.Running, 2, TimeSpan.FromSeconds(101), earlier));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(0.5, Read(usedSeconds: 115));
    }

    [Fact]
    public void Of_a_new_run_or_a_counter_that_went_back_nothing_is_known_before_the_second_reading()
    {
        Read(usedSeconds: 100);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(double.NaN, Read(usedSeconds: 101, run: 2));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(0.5, Read(usedSeconds: 111, run: 2));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(double.NaN, Read(usedSeconds: 3, run: 2));
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(0.1, Read(usedSeconds: 5, run: 2));
    }

    [Theory]
    [InlineData(PowerState.Shutoff, 0)]
    [InlineData(PowerState.Crashed, 0)]
    [InlineData(PowerState.Paused, 0)]
    [InlineData(PowerState.PMSuspended, 0)]
    [InlineData(PowerState.Unknown, double.NaN)]
    public void A_VM_that_does_not_run_uses_nothing_and_begins_anew(PowerState state, double expected)
    {
        Read(usedSeconds: 100);
        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(expected, _sampler.Read(1, Vm, state, 2, TimeSpan.Zero, _time.GetTimestamp()));
        Assert.Equal(0, _sampler.Count);
        Assert.Equal(double.NaN, Read(usedSeconds: 101));
    }

    [Fact]
    public void Where_the_time_is_not_told_once_the_next_reading_spans_the_gap()
    {
        Read(usedSeconds: 100);
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(double.NaN, _sampler.Read(1, Vm, PowerState.Running, 2, null, _time.GetTimestamp()));
        _time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(0.25, Read(usedSeconds: 105));
    }

    [Fact]
    public void Of_VMs_that_the_host_no_longer_lists_nothing_is_kept()
    {
        VMReading[] all = [.. Enumerable.Range(0, 5).Select(static _ => new VMReading
        {
            CapturedAt = default, Id = Guid.NewGuid(), Name = "", State = PowerState.Running,
        })];
        foreach (var vm in all)
        {
            _sampler.Read(1, vm.Id, vm.State, 1, TimeSpan.Zero, _time.GetTimestamp());
        }

        _sampler.KeepOnly(all);
        Assert.Equal(5, _sampler.Count);
        _sampler.KeepOnly(all[..2]);
        Assert.Equal(2, _sampler.Count);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(0, _sampler.Read(1, all[1].Id, PowerState.Running, 1, TimeSpan.Zero, _time.GetTimestamp()));
    }

    [Fact]
    public async Task It_comes_with_every_reading_of_a_VM()
    {
        // The test driver's CPU time is the clock on the wall, of which next to nothing goes by here.
        var link = await OpenNodeAsync(vmCount: 2, new LibvirtDriver(_time));
        Assert.All(await link.SendAsync(new ReadVMs(), Deadline), static vm => Assert.Equal(double.NaN, vm.CpuRatio));

        _time.Advance(TimeSpan.FromDays(1));
        var vms = await link.SendAsync(new ReadVMs(), Deadline);
        Assert.All(vms, static vm => Assert.InRange(vm.CpuRatio, 0, 0.1));
        Assert.Equal(vms[0].CpuRatio, (await link.SendAsync(new FindVM(vms[0].Id), Deadline))!.CpuRatio);

        await link.SendAsync(new DestroyVM(vms[0].Id), Deadline);
        Assert.Equal(0, (await link.SendAsync(new FindVM(vms[0].Id), Deadline))!.CpuRatio);

        // The other has run twice since it was read last, and its counter has not gone back.
        await link.SendAsync(new DestroyVM(vms[1].Id), Deadline);
        await link.SendAsync(new StartVM(vms[1].Id, Paused: false), Deadline);
        _time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(double.NaN, (await link.SendAsync(new FindVM(vms[1].Id), Deadline))!.CpuRatio);
    }

    private double Read(int usedSeconds, nint run = 1) =>
        _sampler.Read(run, Vm, PowerState.Running, cpuCount: 2, TimeSpan.FromSeconds(usedSeconds), _time.GetTimestamp());
}
