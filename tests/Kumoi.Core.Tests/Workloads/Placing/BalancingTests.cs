using Kumoi.FailureOblivious;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Faults;
using Kumoi.Workloads;
using Kumoi.Workloads.Placing;
using Xunit;

namespace Kumoi.Tests.Workloads.Placing;

public sealed class BalancingTests : WorkloadTest
{
    private const string Twenty = "sim://lab?hosts=20&vms=6&running=6&seed=7";

    /// <summary>Some hosts of the fleet have less free, and some have more.</summary>
    private static readonly PlacementLimits Memory = new(1, 42L << 30);

    [Fact]
    public async Task The_largest_VMs_leave_each_overloaded_host_until_enough_is_free()
    {
        await using var lab = await LabFleet.ConnectAsync(Twenty);
        var before = await ReadAsync(lab);
        var overloaded = before.Where(host => host.FreeMemoryBytes < Memory.MinFreeMemoryBytes).ToList();
        Assert.NotEmpty(overloaded);

        var steps = await RunAsync(Balancing(lab, Memory));

        foreach (var host in overloaded)
        {
            // The oracle is the paper's: by size, as long as what was taken before is not enough.
            var free = host.FreeMemoryBytes;
            var expected = new List<string>();
            foreach (var vm in host.VMs.OrderByDescending(vm => vm.MemoryBytes).TakeWhile(_ => free < Memory.MinFreeMemoryBytes))
            {
                expected.Add(vm.Name);
                free += vm.MemoryBytes;
            }

            Assert.Equal(expected, steps.Where(step => step.VMHost == host.Name).Select(step => step.Name));
        }

        Assert.All(await ReadAsync(lab), host => Assert.True(host.FreeMemoryBytes >= Memory.MinFreeMemoryBytes, host.Name));
        Assert.Equal(overloaded.Select(host => host.Name), steps.Select(step => step.VMHost).Distinct());
    }

    [Fact]
    public async Task Each_goes_to_the_host_that_is_least_loaded_then()
    {
        await using var lab = await LabFleet.ConnectAsync(Twenty);
        var workload = Balancing(lab, Memory);
        while (await workload.NextAsync(default) is { } step)
        {
            var best = (await ReadAsync(lab)).Where(host => host.FreeMemoryBytes - step.VM!.MemoryBytes >= Memory.MinFreeMemoryBytes)
                .MinBy(host => host.CpuRatio)!;
            Assert.Equal(best.Name, (await workload.ExecuteAsync(step, default)).Target);
        }
    }

    [Fact]
    public async Task A_busy_host_is_relieved_too()
    {
        await using var lab = await LabFleet.ConnectAsync(Twenty);
        var limits = new PlacementLimits(0.8, 0);
        // A host that is busy to the full cannot tell how much it would have to lose.
        var busy = (await ReadAsync(lab)).Where(host => host.CpuRatio > limits.MaxCpuRatio && host.CpuRatio < 1).Select(host => host.Name)
            .ToList();
        Assert.NotEmpty(busy);
        await RunAsync(Balancing(lab, limits));
        Assert.All(
            (await ReadAsync(lab)).Where(host => busy.Contains(host.Name)),
            host => Assert.True(host.CpuRatio <= limits.MaxCpuRatio || host.RunningVMCount == 0, host.Name));
    }

    [Fact]
    public async Task A_target_that_fails_is_replaced_by_the_next()
    {
        await using var lab = await LabFleet.ConnectAsync(Twenty);
        var planned = (await PlanAsync(Balancing(lab, Memory)))[0].Target!;
        lab.Break(planned, FaultOperation.Migrate, FaultDomain.Host, message: "Unknown failure");
        var steps = await RunAsync(Balancing(lab, Memory));
        Assert.Equal($"{planned} failed: Unknown failure; {steps[0].Target} took its place", Assert.Single(steps[0].Substitutions));
        Assert.DoesNotContain(planned, steps.Select(step => step.Target));
        Assert.All(await ReadAsync(lab), host => Assert.True(host.FreeMemoryBytes >= Memory.MinFreeMemoryBytes, host.Name));
    }

    [Fact]
    public async Task A_VM_that_fails_is_replaced_by_the_next_largest_and_burns_through_no_targets()
    {
        await using var lab = await LabFleet.ConnectAsync(Twenty);
        var plan = await PlanAsync(Balancing(lab, Memory));
        var source = plan[0].VMHost;
        lab.Break(source, FaultOperation.Migrate, FaultDomain.VM, plan[0].Name, "its device blocks migration");
        var steps = await RunAsync(Balancing(lab, Memory));
        Assert.Equal((plan[0].Name, PlanStepState.Replaced), (steps[0].Name, steps[0].State));
        Assert.Equal(1, lab.Faults.Rules[0].Hits);
        Assert.True((await ReadAsync(lab)).Single(host => host.Name == source).FreeMemoryBytes >= Memory.MinFreeMemoryBytes);
    }

    [Fact]
    public async Task The_last_VM_that_fails_is_a_failure_or_masked()
    {
        await using var lab = await LabFleet.ConnectAsync(Twenty);
        var source = (await PlanAsync(Balancing(lab, Memory)))[0].VMHost;
        lab.Break(source, FaultOperation.Migrate, FaultDomain.VM, message: "not now");
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => RunAsync(Balancing(lab, Memory)));
        Assert.Equal("not now", failure.Message);

        var steps = await RunAsync(Balancing(lab, Memory, new WorkloadOptions { Mask = MaskMode.Pessimistic }));
        Assert.Equal(5, steps.Count(step => step.State is PlanStepState.Replaced));
        Assert.Single(steps, step => step.State is PlanStepState.Masked);
        Assert.True(steps.Count(step => step.State is PlanStepState.Done) > 0);
    }

    [Fact]
    public async Task A_balanced_fleet_is_left_alone()
    {
        await using var lab = await LabFleet.ConnectAsync(Twenty);
        Assert.Empty(await PlanAsync(Balancing(lab, Loose)));
    }

    private static Balancing Balancing(LabFleet lab, PlacementLimits limits, WorkloadOptions? options = null) =>
        new(lab.Fleet, lab.Fleet.Hosts, limits, options ?? new WorkloadOptions()) { Time = lab.Time };
}
