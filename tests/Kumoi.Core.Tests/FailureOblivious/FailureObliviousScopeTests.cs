using Kumoi.FailureOblivious;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Faults;
using Xunit;

namespace Kumoi.Tests.FailureOblivious;

public sealed class FailureObliviousScopeTests
{
    [Fact]
    public async Task Without_a_scope_a_failure_is_a_failure()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2");
        lab.Break("kvm01", FaultOperation.Read);
        await Assert.ThrowsAsync<HypervisorException>(() => lab.Host("kvm01").Link.ReadHostAsync(true, default));
    }

    [Fact]
    public async Task A_read_gives_its_typed_default_and_is_told()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2");
        lab.Break("kvm01", FaultOperation.Read, message: "down");
        using var scope = FailureObliviousScope.Enter();
        var host = await lab.Host("kvm01").Link.ReadHostAsync(true, default);
        Assert.Equal((true, "kvm01", 1.0), (host.IsMasked, host.HostName, host.CpuRatio));
        Assert.Empty(await lab.Host("kvm01").Link.ReadVMsAsync(default));
        Assert.False((await lab.Host("kvm02").Link.ReadHostAsync(true, default)).IsMasked);
        Assert.Equal(["kvm01.ReadHostAsync(): down", "kvm01.ReadVMsAsync(): down"], scope.Log.Failures.Select(failure => failure.Description));
    }

    [Fact]
    public async Task The_last_good_reading_can_stand_in()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1");
        using var scope = FailureObliviousScope.Enter(MaskMode.LastKnown);
        var good = await lab.Host("kvm01").Link.ReadHostAsync(true, default);
        lab.Break("kvm01", FaultOperation.Read);
        var masked = await lab.Host("kvm01").Link.ReadHostAsync(true, default);
        Assert.Equal(good with { IsMasked = true }, masked);
    }

    [Fact]
    public async Task A_write_does_nothing_and_returns()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=1&running=0");
        lab.Break("kvm01", FaultOperation.Start);
        using var scope = FailureObliviousScope.Enter();
        var vm = (await lab.VMsAsync("kvm01"))[0];
        await lab.Host("kvm01").Link.StartAsync(vm.Id, false, OperationId.New(), default);
        Assert.Equal(PowerState.Shutoff, (await lab.VMsAsync("kvm01"))[0].State);
        Assert.Equal(1, scope.Log.Count);
    }

    [Fact]
    public async Task A_write_whose_outcome_is_unknown_is_never_masked()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=1&running=0");
        lab.Faults.Add(new FaultRule { HostPattern = "*", HostMatches = _ => true, Operation = FaultOperation.Start, OutcomeUnknown = true });
        using var scope = FailureObliviousScope.Enter();
        var vm = (await lab.VMsAsync("kvm01"))[0];
        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => lab.Host("kvm01").Link.StartAsync(vm.Id, false, OperationId.New(), default));
        Assert.True(failure.OutcomeUnknown);
        Assert.Empty(scope.Log.Failures);
    }

    [Fact]
    public async Task Repeated_failures_of_one_host_are_one_event_with_a_count()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1");
        lab.Break("kvm01", FaultOperation.Read);
        using var scope = FailureObliviousScope.Enter();
        for (var i = 0; i < 3; i++)
        {
            await lab.Host("kvm01").Link.ReadVMsAsync(default);
        }

        Assert.Equal(3, Assert.Single(scope.Log.Failures).Count);
    }

    [Fact]
    public async Task Cancellation_is_not_masked()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1");
        using var scope = FailureObliviousScope.Enter();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => lab.Host("kvm01").Link.ReadHostAsync(true, new CancellationToken(canceled: true)));
    }

    [Fact]
    public void A_scope_ends_with_its_block()
    {
        using (FailureObliviousScope.Enter())
        {
            Assert.NotNull(FailureObliviousScope.Current);
        }

        Assert.Null(FailureObliviousScope.Current);
    }
}
