using Kumoi.FailureOblivious;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Lineage;
using Xunit;

namespace Kumoi.Tests.FailureOblivious;

public sealed class FailureObliviousScopeTests
{
    [Fact]
    public async Task Without_a_scope_a_failure_is_a_failure()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2");
        lab.Break("kvm01", FaultOperation.Read);
        await Assert.ThrowsAsync<HypervisorException>(() => lab.Host("kvm01").Link.SendAsync(new ReadHost(true), default).AsTask());
    }

    [Fact]
    public async Task A_read_gives_its_typed_default_and_is_told()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2");
        lab.Break("kvm01", FaultOperation.Read, message: "down");
        using var scope = FailureObliviousScope.Enter(lab.Fleet);
        var host = await lab.Host("kvm01").Link.SendAsync(new ReadHost(true), default);
        Assert.Equal((true, "kvm01", 1.0), (host.IsMasked, host.HostName, host.CpuRatio));
        Assert.Empty(await lab.Host("kvm01").Link.SendAsync(new ReadVMs(), default));
        Assert.False((await lab.Host("kvm02").Link.SendAsync(new ReadHost(true), default)).IsMasked);
        Assert.Equal(["kvm01.ReadHost(): down", "kvm01.ReadVMs(): down"], scope.Log.Failures.Select(failure => failure.Description));
    }

    [Fact]
    public async Task The_last_good_reading_can_stand_in()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1");
        using var scope = FailureObliviousScope.Enter(lab.Fleet, MaskMode.LastKnown);
        var good = await lab.Host("kvm01").Link.SendAsync(new ReadHost(true), default);
        lab.Break("kvm01", FaultOperation.Read);
        var masked = await lab.Host("kvm01").Link.SendAsync(new ReadHost(true), default);
        Assert.Equal(good with { IsMasked = true }, masked);
    }

    [Fact]
    public async Task A_write_does_nothing_and_returns()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=1&running=0");
        lab.Break("kvm01", FaultOperation.Start);
        using var scope = FailureObliviousScope.Enter(lab.Fleet);
        var vm = (await lab.VMsAsync("kvm01"))[0];
        await lab.Host("kvm01").Link.SendAsync(new StartVM(vm.Id), default);
        Assert.Equal(PowerState.Shutoff, (await lab.VMsAsync("kvm01"))[0].State);
        Assert.Equal(1, scope.Log.Count);
    }

    [Fact]
    public async Task A_write_whose_outcome_is_unknown_is_never_masked()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1&vms=1&running=0");
        lab.Faults.Add(
            new FaultRule { HostPattern = "*", HostMatches = _ => true, Operation = FaultOperation.Start, OutcomeUnknown = true });
        using var scope = FailureObliviousScope.Enter(lab.Fleet);
        var vm = (await lab.VMsAsync("kvm01"))[0];
        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => lab.Host("kvm01").Link.SendAsync(new StartVM(vm.Id), default).AsTask());
        Assert.True(failure.OutcomeUnknown);
        Assert.Empty(scope.Log.Failures);
    }

    [Fact]
    public async Task Repeated_failures_of_one_host_are_one_event_with_a_count()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1");
        lab.Break("kvm01", FaultOperation.Read);
        using var scope = FailureObliviousScope.Enter(lab.Fleet);
        for (var i = 0; i < 3; i++)
        {
            await lab.Host("kvm01").Link.SendAsync(new ReadVMs(), default);
        }

        Assert.Equal(3, Assert.Single(scope.Log.Failures).Count);
    }

    [Fact]
    public async Task Cancellation_is_not_masked()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1");
        using var scope = FailureObliviousScope.Enter(lab.Fleet);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => lab.Host("kvm01").Link.SendAsync(new ReadHost(true), new CancellationToken(canceled: true)).AsTask());
    }

    [Fact]
    public async Task A_scope_ends_with_its_block()
    {
        await using var lab = LabFleet.Empty();
        using (FailureObliviousScope.Enter(lab.Fleet))
        {
            Assert.NotNull(FailureObliviousScope.Current);
        }

        Assert.Null(FailureObliviousScope.Current);
    }

    [Fact]
    public async Task Undoing_a_definition_is_never_masked()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=0");
        lab.Faults.Add(new FaultRule
        {
            HostPattern = "kvm01",
            HostMatches = name => name
            is "kvm01",
            Operation = FaultOperation.Define,
            OutcomeUnknown = true
        });
        lab.Break("kvm01", FaultOperation.Stop);
        using var scope = FailureObliviousScope.Enter(lab.Fleet);
        var failure = await Assert.ThrowsAsync<CompensationFailedException>(
            () => VMActions.CreateAsync(
                lab.Host("kvm01"), new VMSpec { Name = "web" }, start: false, keepFailed: false, OperationId.New(), default));
        Assert.True(failure.OutcomeUnknown);
    }

    [Fact]
    public async Task A_lineage_replaces_what_fails_and_the_mask_does_not_come_before_it()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=3");
        lab.Break("kvm01", FaultOperation.Read);
        using var scope = FailureObliviousScope.Enter(lab.Fleet);
        var read = await lab.Fleet.Hosts.AsLineage().Take(2)
            .Select(async (host, token) => await FleetReads.ReadHostAsync(host, token))
            .EvaluateAsync(cancellationToken: default);
        Assert.Equal([("kvm02", false), ("kvm03", false)], read.Items.Select(host => (host.Name, host.IsMasked)));
        // Behind the list the mask acts again.
        Assert.True((await FleetReads.ReadHostAsync(lab.Host("kvm01"), default)).IsMasked);
    }

    [Fact]
    public async Task What_stands_in_for_a_reading_is_never_the_last_good_one()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1");
        var good = await FleetReads.ReadHostAsync(lab.Host("kvm01"), default);
        lab.Break("kvm01", FaultOperation.Read);
        using (FailureObliviousScope.Enter(lab.Fleet))
        {
            Assert.True((await FleetReads.ReadHostAsync(lab.Host("kvm01"), default)).IsMasked);
        }

        using var scope = FailureObliviousScope.Enter(lab.Fleet, MaskMode.LastKnown);
        Assert.Equal(good.FreeMemoryBytes, (await FleetReads.ReadHostAsync(lab.Host("kvm01"), default)).FreeMemoryBytes);
    }
}
