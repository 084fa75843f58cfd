using Kumoi.FailureOblivious;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Workloads;
using Kumoi.Workloads.Placing;
using Xunit;

namespace Kumoi.Tests.Workloads.Placing;

public sealed class CompactionTests : WorkloadTest
{
    private const string Seven = "sim://lab?hosts=7&vms=1&running=1&seed=3";

    private static readonly WorkloadOptions Masked = new() { Mask = MaskMode.Pessimistic };

    [Fact]
    public async Task All_VMs_go_to_the_first_host_that_has_room_from_the_last_host_on()
    {
        await using var lab = await LabFleet.ConnectAsync(Seven);
        var steps = await RunAsync(Compaction(lab, Loose));
        Assert.Equal(["kvm07-1", "kvm06-1", "kvm05-1", "kvm04-1", "kvm03-1", "kvm02-1"], steps.Select(step => step.Name));
        Assert.All(steps, step => Assert.Equal(("kvm01", PlanStepState.Done, "kvm01"), (step.Target, step.State, step.VM!.VMHost)));
        Assert.Equal(7, (await RunningAsync(lab))["kvm01"].Length);
    }

    [Fact]
    public async Task A_plan_is_what_is_done_afterwards_and_does_nothing_itself()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=12&vms=4&running=3&seed=5");
        var limits = new PlacementLimits(0.8, 20L << 30);
        var before = await RunningAsync(lab);
        var plan = await PlanAsync(Compaction(lab, limits));
        Assert.Equal(before, await RunningAsync(lab));
        Assert.NotEmpty(plan);
        Assert.Equal(plan.Select(Text), (await RunAsync(Compaction(lab, limits))).Select(Text));
    }

    [Fact]
    public async Task No_host_is_brought_beyond_the_limits_and_none_is_emptied_in_part()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=30&vms=6&running=5&seed=11");
        var limits = new PlacementLimits(0.7, 45L << 30);
        var before = (await ReadAsync(lab)).ToDictionary(host => host.Name, StringComparer.Ordinal);
        var steps = await RunAsync(Compaction(lab, limits));
        var after = await ReadAsync(lab);
        Assert.NotEmpty(steps);
        Assert.All(
            after.Where(host => host.RunningVMCount > before[host.Name].RunningVMCount),
            host => Assert.True(host.CpuRatio <= limits.MaxCpuRatio && host.FreeMemoryBytes >= limits.MinFreeMemoryBytes, host.Name));
        Assert.All(
            after.Where(host => host.RunningVMCount < before[host.Name].RunningVMCount), host => Assert.Equal(0, host.RunningVMCount));
        Assert.Contains(after, host => host.RunningVMCount == 5 && before[host.Name].RunningVMCount == 5);
    }

    [Fact]
    public async Task An_empty_host_is_not_filled_again()
    {
        await using var lab = await LabFleet.ConnectAsync(Seven);
        await RunAsync(Compaction(lab, Loose));
        Assert.Empty(await PlanAsync(Compaction(lab, Loose)));
    }

    [Fact]
    public async Task The_order_of_the_hosts_says_which_are_filled()
    {
        await using var lab = await LabFleet.ConnectAsync(Seven);
        var steps = await RunAsync(
            new Compaction(lab.Fleet, [.. lab.Fleet.Hosts.Reverse()], Loose, new WorkloadOptions()) { Time = lab.Time });
        Assert.All(steps, step => Assert.Equal("kvm07", step.Target));
    }

    [Fact]
    public async Task A_VM_that_fails_ends_it_and_with_the_mask_the_others_still_move()
    {
        await using var lab = await LabFleet.ConnectAsync(Seven);
        lab.Break("kvm05", FaultOperation.Migrate, FaultDomain.VM, "kvm05-1", "No such domain kvm05-1");
        var workload = Compaction(lab, Loose);
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => RunAsync(workload));
        Assert.Equal("No such domain kvm05-1", failure.Message);
        Assert.Equal(["kvm01-1", "kvm06-1", "kvm07-1"], (await RunningAsync(lab))["kvm01"]);

        var masked = Compaction(lab, Loose, Masked);
        var steps = await RunAsync(masked);
        Assert.Equal(["kvm05-1"], steps.Where(step => step.State is PlanStepState.Masked).Select(step => step.Name));
        Assert.Equal(["kvm01-1", "kvm02-1", "kvm03-1", "kvm04-1", "kvm06-1", "kvm07-1"], (await RunningAsync(lab))["kvm01"]);
        Assert.Equal(["kvm05-1.Move(kvm01): No such domain kvm05-1"], masked.Log.Failures.Select(told => told.Description));
    }

    [Fact]
    public async Task A_target_that_fails_is_replaced_and_not_asked_again()
    {
        await using var lab = await LabFleet.ConnectAsync(Seven);
        lab.Break("kvm01", FaultOperation.Migrate, FaultDomain.Host, message: "Unknown failure");
        var steps = await RunAsync(Compaction(lab, Loose));
        Assert.Equal(["kvm01 failed: Unknown failure; kvm02 took its place"], steps.SelectMany(step => step.Substitutions));
        Assert.Equal(1, lab.Faults.Rules[0].Hits);
        Assert.Equal(["kvm02-1", "kvm03-1", "kvm04-1", "kvm05-1", "kvm06-1", "kvm07-1"], (await RunningAsync(lab))["kvm02"]);
    }

    [Fact]
    public async Task A_source_that_is_out_of_reach_burns_through_no_targets()
    {
        await using var lab = await LabFleet.ConnectAsync(Seven);
        var workload = Compaction(lab, Loose);
        var step = await workload.NextAsync(default);
        lab.Break("kvm07", FaultOperation.Any, FaultDomain.Host, message: "No route to host");
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => workload.ExecuteAsync(step!, default));
        Assert.Equal(FaultDomain.VM, failure.FaultDomain);
        Assert.StartsWith("No route to host. kvm07, the host of 'kvm07-1', is out of reach", failure.Message, StringComparison.Ordinal);
        // The migration, and the look whether the source answers.
        Assert.Equal(2, lab.Faults.Rules[0].Hits);
    }

    [Fact]
    public async Task A_target_that_can_no_longer_be_read_is_passed_over_without_substitution_where_failures_are_masked()
    {
        await using var lab = await LabFleet.ConnectAsync(Seven);
        var workload = Compaction(lab, Loose, Masked with { Substitute = false });
        var first = await workload.NextAsync(default);
        lab.Break("kvm01", FaultOperation.Read, FaultDomain.Host, message: "No route to host");
        var moved = await workload.ExecuteAsync(first!, default);
        Assert.Equal((PlanStepState.Done, "kvm02"), (moved.State, moved.Target));
    }

    [Fact]
    public async Task A_host_that_cannot_be_read_ends_it_before_anything_is_moved_and_with_the_mask_it_is_left_out()
    {
        await using var lab = await LabFleet.ConnectAsync(Seven);
        lab.Break("kvm01", FaultOperation.Read, FaultDomain.Host, message: "No route to host");
        await Assert.ThrowsAsync<HypervisorException>(() => RunAsync(Compaction(lab, Loose)));
        var steps = await RunAsync(Compaction(lab, Loose, Masked));
        Assert.Equal(5, steps.Count);
        Assert.All(steps, step => Assert.Equal("kvm02", step.Target));
    }

    [Fact]
    public async Task An_outcome_that_is_unknown_is_never_masked()
    {
        await using var lab = await LabFleet.ConnectAsync(Seven);
        lab.Faults.Add(new FaultRule
        {
            HostPattern = "kvm07",
            HostMatches = name => name
            is "kvm07",
            Operation = FaultOperation.Migrate,
            OutcomeUnknown = true
        });
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => RunAsync(Compaction(lab, Loose, Masked)));
        Assert.True(failure.OutcomeUnknown);
    }

    [Fact]
    public async Task A_target_that_has_filled_up_meanwhile_is_not_overfilled()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=3&vms=2&running=1&seed=3");
        var limits = new PlacementLimits(1, 40L << 30);
        var workload = Compaction(lab, limits);
        var step = await workload.NextAsync(default);
        var other = await lab.Host("kvm01").Link.SendAsync(new DefineVM(new VMSpec { Name = "other", MemoryBytes = 25L << 30 }), default);
        await lab.Host("kvm01").Link.SendAsync(new StartVM(other.Id), default);
        var moved = await workload.ExecuteAsync(step!, default);
        Assert.Equal(("kvm01", "kvm02"), (step!.Target, moved.Target));
        Assert.Contains("has no room", Assert.Single(moved.Substitutions), StringComparison.Ordinal);
    }

    private static Compaction Compaction(LabFleet lab, PlacementLimits limits, WorkloadOptions? options = null) =>
        new(lab.Fleet, lab.Fleet.Hosts, limits, options ?? new WorkloadOptions()) { Time = lab.Time };
}
