using Kumoi.FaultTolerance.Fencing;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Fencing;

/// <summary>What counts as proof that a host does not run a VM, and what does not.</summary>
public sealed class HostFenceTests
{
    private const string Host = "kvm01";

    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1);

    [Fact]
    public async Task A_host_that_answers_is_fenced_by_ending_the_VM()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=1&running=1");
        var vm = (await lab.VMsAsync(Host))[0];

        Assert.Null(await Fence([]).FenceAsync(Host, lab.Host(Host).Link, [vm.Id], default));
        Assert.Equal(PowerState.Shutoff, (await lab.VMsAsync(Host))[0].State);
    }

    [Fact]
    public async Task A_host_that_has_nothing_of_the_VM_needs_no_fence()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1");
        lab.Break(Host, nameof(DestroyVM));

        Assert.Null(await Fence([]).FenceAsync(Host, lab.Host(Host).Link, [Guid.NewGuid()], default));
    }

    [Theory]
    [InlineData(FaultOperation.Read)]
    [InlineData(nameof(DestroyVM))]
    public async Task An_error_is_no_fence(string broken)
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=1&running=1");
        var vm = (await lab.VMsAsync(Host))[0];
        lab.Break(Host, broken, message: "out of order");

        Assert.Contains("out of order", await Fence([]).FenceAsync(Host, lab.Host(Host).Link, [vm.Id], default), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_that_says_that_it_has_not_ended_a_VM_and_does_not_have_it_any_more_keeps_its_power()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=1&running=1");
        var vm = (await lab.VMsAsync(Host))[0];
        lab.Break(Host, nameof(DestroyVM), outcomeUnknown: true); // as of a VM that has just died

        Assert.Null(await Fence(["sh", "-c", "exit 3"]).FenceAsync(Host, lab.Host(Host).Link, [vm.Id], default));
    }

    [Fact]
    public async Task A_host_that_refuses_and_is_silent_then_tells_why_it_has_refused()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=1&running=1");
        var vm = (await lab.VMsAsync(Host))[0];
        var refusing = lab.Break(Host, nameof(DestroyVM), message: "the VM cannot be ended");
        lab.Faults.Add(refusing with { Operation = FaultOperation.Read, After = 1, Message = "the host is silent" });

        var reason = await Fence([]).FenceAsync(Host, lab.Host(Host).Link, [vm.Id], default);

        Assert.Contains("the VM cannot be ended", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_host_that_is_not_connected_is_not_fenced() =>
        Assert.Equal("kvm01 is not connected", await Fence([]).FenceAsync(Host, link: null, [Guid.NewGuid()], default));

    [Theory]
    [InlineData("exit 0", null)]
    [InlineData("exit 3", "kvm01 is not connected; the fence command ended with 3")]
    [InlineData("test \"$1\" = kvm01", null)]
    [InlineData("head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2", null)]
    public async Task A_command_that_ends_with_0_is_a_fence_and_is_told_the_host(string script, string? reason)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the commands are of a Unix shell");
        Assert.Equal(reason, await Fence(["sh", "-c", script, "fence"]).FenceAsync(Host, link: null, [Guid.NewGuid()], default));
    }

    [Fact]
    public async Task A_command_that_is_not_there_is_no_fence()
    {
        var reason = await Fence(["/nowhere/fence"]).FenceAsync(Host, link: null, [Guid.NewGuid()], default);

        Assert.StartsWith("kvm01 is not connected; the fence command cannot be started: ", reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_command_that_does_not_end_is_killed_and_is_no_fence()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the commands are of a Unix shell");
        var time = new ManualTime();
        var fencing = new HostFence(["sh", "-c", "exec sleep 1000"], Long, time).FenceAsync(Host, link: null, [Guid.NewGuid()], default);
        await time.WaitingAsync(Long);
        time.Advance(Long);

        Assert.Equal("kvm01 is not connected; the fence command did not end within 60 s", await fencing);
    }

    private static HostFence Fence(IReadOnlyList<string> command) => new(command, Long, TimeProvider.System);
}
