using Kumoi.FailureOblivious;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Workloads;
using Kumoi.Workloads.Placing;
using Kumoi.Workloads.ScalingGroups;
using Xunit;

namespace Kumoi.Tests.Workloads.ScalingGroups;

public sealed class ScalingTests : WorkloadTest
{
    private const string Five = "sim://lab?hosts=5&vms=0&seed=3";

    private static readonly WorkloadOptions Masked = new() { Mask = MaskMode.Pessimistic };

    [Fact]
    public async Task A_group_is_filled_up_to_its_minimum_one_VM_in_each_cycle()
    {
        await using var lab = await LabFleet.ConnectAsync(Five);
        var scaling = await ScalingAsync(lab, load: 0.5, options => options with { Minimum = 2 });
        await CyclesAsync(scaling, 4);
        Assert.Equal(["web-1", "web-2"], await GroupAsync(lab));
        Assert.Equal((2, 0.5, 0), (scaling.Last!.VMCount, scaling.Last.CpuRatio, scaling.Last.Breach));
        Assert.Null(scaling.Last.Step);
    }

    [Fact]
    public async Task It_grows_when_the_load_was_too_high_for_some_cycles_in_a_row_and_never_beyond_its_maximum()
    {
        await using var lab = await LabFleet.ConnectAsync(Five);
        var scaling = await ScalingAsync(lab, load: 0.9, options => options with { Minimum = 1, Maximum = 3, BreachCount = 3 });
        var cycles = await CyclesAsync(scaling, 12);
        Assert.Equal([1, 4, 7], cycles.Select((cycle, i) => (cycle, i: i + 1)).Where(entry => entry.cycle.Step is not null)
            .Select(entry => entry.i));
        Assert.Equal(["web-1", "web-2", "web-3"], await GroupAsync(lab));
        Assert.Equal("load above 0.8 for 3 cycles", cycles[3].Step!.Reason);
    }

    [Fact]
    public async Task It_shrinks_from_its_last_VM_on_when_the_load_was_too_low_and_never_below_its_minimum()
    {
        await using var lab = await LabFleet.ConnectAsync(Five);
        await CyclesAsync(await ScalingAsync(lab, load: 0.1, options => options with { Minimum = 3 }), 3);
        var scaling = await ScalingAsync(lab, load: 0.1, options => options with { Minimum = 1, BreachCount = 2 });
        var cycles = await CyclesAsync(scaling, 8);
        Assert.Equal(["web-3", "web-2"], cycles.Where(cycle => cycle.Step is not null).Select(cycle => cycle.Step!.Name));
        Assert.Equal(["web-1"], await GroupAsync(lab));
    }

    [Fact]
    public async Task A_load_that_comes_back_between_the_limits_begins_the_count_anew()
    {
        await using var lab = await LabFleet.ConnectAsync(Five);
        var scaling = await ScalingAsync(lab, load: 0.9, options => options with { Minimum = 1, BreachCount = 3 });
        await CyclesAsync(scaling, 3);
        Assert.Equal(2, scaling.Last!.Breach);
        var idle = await DefineAsync(lab, "kvm05", "web-9", load: 0.1);
        Assert.Equal((0.5, 0), await LookAsync(scaling));
        await lab.Host("kvm05").Link.SendAsync(new DestroyVM(idle.Id), default);
        Assert.Equal((0.9, 1), await LookAsync(scaling));
    }

    [Fact]
    public async Task A_VM_that_only_has_such_a_name_is_never_removed()
    {
        await using var lab = await LabFleet.ConnectAsync(Five);
        await CyclesAsync(await ScalingAsync(lab, load: 0.1, options => options with { Minimum = 1 }), 1);
        await DefineAsync(lab, "kvm04", "web-7", load: 0.1);
        await DefineAsync(lab, "kvm04", "web-old", load: 0.1);
        var scaling = await ScalingAsync(lab, load: 0.1, options => options with { Minimum = 0, BreachCount = 1 });
        await CyclesAsync(scaling, 1);
        Assert.Equal(["web-7", "web-old"], await GroupAsync(lab));
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => CyclesAsync(scaling, 1));
        Assert.Equal(HypervisorError.InvalidState, failure.Error);
        Assert.Equal(["web-7", "web-old"], await GroupAsync(lab));
    }

    [Fact]
    public async Task VMs_that_cannot_be_read_are_left_out_of_the_mean_and_still_count()
    {
        await using var lab = await LabFleet.ConnectAsync(Five);
        var scaling = await ScalingAsync(
            lab, load: 0.5, options => options with { Minimum = 3, Maximum = 3, Limits = new PlacementLimits(1, 60L << 30) }, Masked);
        await CyclesAsync(scaling, 3);
        var hosts = (await RunningAsync(lab)).Where(host => host.Value.Any(vm => vm.StartsWith("web-", StringComparison.Ordinal)))
            .Select(host => host.Key).ToList();
        var lost = hosts.First(host => host is not "kvm01");
        lab.Break(lost, FaultOperation.Read, FaultDomain.Host, message: "No route to host");
        var cycle = (await CyclesAsync(scaling, 1))[0];
        Assert.Equal((3, 0.5), (cycle.VMCount, cycle.CpuRatio));
        Assert.True(cycle.UnreadableCount > 0);
        // Were they taken for gone, there would be more than three.
        Assert.Null(cycle.Step);
        lab.Faults.Remove(lab.Faults.Rules[0].Rule.Id);
        Assert.Equal(3, (await CyclesAsync(scaling, 1))[0].VMCount);
        Assert.Equal(3, (await GroupAsync(lab)).Count);
    }

    [Fact]
    public async Task Without_the_mask_a_host_that_cannot_be_read_ends_it()
    {
        await using var lab = await LabFleet.ConnectAsync(Five);
        var scaling = await ScalingAsync(lab, load: 0.5, options => options);
        lab.Break("kvm02", FaultOperation.Read, FaultDomain.Host);
        await Assert.ThrowsAsync<HypervisorException>(() => CyclesAsync(scaling, 1));
    }

    [Fact]
    public async Task A_host_on_which_a_clone_does_not_start_is_replaced_and_nothing_is_left_there()
    {
        await using var lab = await LabFleet.ConnectAsync(Five);
        var scaling = await ScalingAsync(lab, load: 0.5, options => options);
        var planned = (await scaling.NextAsync(default))!.VMHost;
        lab.Break(planned, FaultOperation.Start, FaultDomain.Storage, message: "disk image isn't accessible");
        var step = (await CyclesAsync(scaling, 1))[0].Step!;
        Assert.Equal(PlanStepState.Done, step.State);
        Assert.NotEqual(planned, step.VMHost);
        Assert.Equal([$"{planned} failed: disk image isn't accessible; {step.VMHost} took its place"], step.Substitutions);
        Assert.DoesNotContain(await lab.VMsAsync(planned), vm => vm.Name is "web-1");
    }

    [Fact]
    public async Task A_master_with_disks_of_its_own_is_cloned_on_its_host()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=5&vms=0&seed=3");
        var busiest = (await ReadAsync(lab)).MaxBy(host => host.CpuRatio)!;
        var master = new KumoiVM(busiest.Connection, await busiest.Connection.Link.SendAsync(new DefineVM(new VMSpec
        {
            Name = "master",
            Xml = "<domain><memory unit='GiB'>1</memory><vcpu>1</vcpu><devices><disk type='file' device='disk'><source "
                + "file='/m.qcow2'/><target dev='vda'/></disk></devices></domain>",
        }), default));
        var scaling = new Scaling(lab.Fleet, () => lab.Fleet.Hosts, Options(master), new WorkloadOptions()) { Time = lab.Time };
        Assert.Equal(busiest.Name, (await scaling.NextAsync(default))!.VMHost);
        Assert.Equal((PlanStepState.Done, busiest.Name), ((await CyclesAsync(scaling, 1))[0].Step!.State, scaling.Last!.Step!.VMHost));
    }

    [Fact]
    public async Task A_change_that_fails_is_masked_and_tried_again_in_the_next_cycle()
    {
        await using var lab = await LabFleet.ConnectAsync(Five);
        var scaling = await ScalingAsync(lab, load: 0.5, options => options, Masked);
        lab.Faults.Add(new FaultRule
        {
            HostPattern = "*",
            HostMatches = _ => true,
            Operation = FaultOperation.Define,
            Count = 1,
            FaultDomain = FaultDomain.VM,
            Message = "no",
        });
        var cycles = await CyclesAsync(scaling, 2);
        Assert.Equal([PlanStepState.Masked, PlanStepState.Done], cycles.Select(cycle => cycle.Step!.State));
        Assert.Equal(["web-1"], await GroupAsync(lab));
    }

    [Fact]
    public async Task A_removal_that_fails_half_way_is_finished_in_the_next_cycle()
    {
        await using var lab = await LabFleet.ConnectAsync(Five);
        await CyclesAsync(await ScalingAsync(lab, load: 0.1, options => options with { Minimum = 2 }), 2);
        var scaling = await ScalingAsync(lab, load: 0.1, options => options with { Minimum = 1, BreachCount = 1 }, Masked);
        // Undefining: the guest is off by then.
        lab.Faults.Add(
            new FaultRule { HostPattern = "*", HostMatches = _ => true, Operation = FaultOperation.Define, Count = 1, Message = "no" });
        var cycles = await CyclesAsync(scaling, 3);
        Assert.Equal([(PlanStepState.Masked, "web-2"), (PlanStepState.Done, "web-2")], cycles.Take(2)
            .Select(cycle => (cycle.Step!.State, cycle.Step.Name)));
        Assert.Null(cycles[2].Step);
        Assert.Equal(
            ["web-1"], (await ReadAsync(lab)).SelectMany(host => host.VMs).Select(vm => vm.Name).Where(name => name is not "master"));
    }

    [Fact]
    public async Task A_clone_whose_host_is_lost_before_the_next_look_still_counts()
    {
        await using var lab = await LabFleet.ConnectAsync(Five);
        var scaling = await ScalingAsync(lab, load: 0.5, options => options with { Minimum = 1 }, Masked);
        var host = (await CyclesAsync(scaling, 1))[0].Step!.VMHost;
        lab.Break(host, FaultOperation.Read, FaultDomain.Host);
        var cycle = (await CyclesAsync(scaling, 1))[0];
        Assert.Equal((1, 1), (cycle.VMCount, cycle.UnreadableCount));
        Assert.Null(cycle.Step);
    }

    [Fact]
    public async Task In_the_background_it_looks_again_after_each_interval_until_it_is_stopped()
    {
        await using var lab = await LabFleet.ConnectAsync(Five);
        var options = Options(await DefineAsync(lab, "kvm01", "master", load: 0.9)) with
        {
            BreachCount = 1,
            Maximum = 2,
            Interval = TimeSpan.FromSeconds(30)
        };
        await using var run = new ScalingRun(
            new Scaling(lab.Fleet, () => lab.Fleet.Hosts, options, new WorkloadOptions()) { Time = lab.Time }, options, lab.Time);
        await lab.Time.WaitingAsync(options.Interval);
        Assert.Equal((1, ScalingState.Running, "web-1"), (run.Status.CycleCount, run.Status.State, run.Status.LastChange!.Step!.Name));
        lab.Time.Advance(TimeSpan.FromSeconds(30));
        await lab.Time.WaitingAsync(options.Interval);
        Assert.Equal((2, "web-2"), (run.Status.CycleCount, run.Status.LastChange!.Step!.Name));
        Assert.Equal(ScalingState.Stopped, (await run.StopAsync()).State);
        Assert.Equal(["web-1", "web-2"], await GroupAsync(lab));
    }

    [Fact]
    public async Task In_the_background_a_failure_is_its_status()
    {
        await using var lab = await LabFleet.ConnectAsync(Five);
        var options = Options(await DefineAsync(lab, "kvm01", "master", load: 0.9));
        lab.Break("kvm02", FaultOperation.Read, FaultDomain.Host, message: "No route to host");
        await using var run = new ScalingRun(
            new Scaling(lab.Fleet, () => lab.Fleet.Hosts, options, new WorkloadOptions()) { Time = lab.Time }, options, lab.Time);
        await run.Ended;
        Assert.Equal((ScalingState.Failed, "No route to host"), (run.Status.State, run.Status.Error));
    }

    private static ScalingOptions Options(KumoiVM master) => new() { Group = "web", Master = master, Limits = Loose };

    private static async Task<Scaling> ScalingAsync(
        LabFleet lab, double load, Func<ScalingOptions, ScalingOptions> change, WorkloadOptions? options = null)
    {
        var master = (await ReadAsync(lab)).SelectMany(host => host.VMs).FirstOrDefault(vm => vm.Name is "master")
            ?? await DefineAsync(lab, "kvm01", "master", load);
        return new Scaling(lab.Fleet, () => lab.Fleet.Hosts, change(Options(master)), options ?? new WorkloadOptions()) { Time = lab.Time };
    }

    /// <summary>A running VM that keeps its CPUs so busy, as its clones do.</summary>
    private static async Task<KumoiVM> DefineAsync(LabFleet lab, string host, string name, double load)
    {
        var state = FormattableString.Invariant($"<k:simulated xmlns:k='{DomainDefinition.KumoiNamespace}' cpuLoad='{load}'/>");
        var xml = $"<domain><memory unit='GiB'>1</memory><vcpu>1</vcpu><metadata>{state}</metadata></domain>";
        return await VMActions.CreateAsync(
            lab.Host(host), new VMSpec { Name = name, Xml = xml }, start: true, keepFailed: false, OperationId.New(), default);
    }

    private static async Task<List<KumoiScalingCycle>> CyclesAsync(Scaling scaling, int count)
    {
        var cycles = new List<KumoiScalingCycle>();
        for (var i = 0; i < count; i++)
        {
            cycles.Add(await scaling.CycleAsync(default));
        }

        return cycles;
    }

    private static async Task<(double, int)> LookAsync(Scaling scaling)
    {
        await scaling.NextAsync(default);
        return (Math.Round(scaling.Last!.CpuRatio, 3), scaling.Last.Breach);
    }

    private static async Task<List<string>> GroupAsync(LabFleet lab) =>
        [.. (await RunningAsync(lab)).SelectMany(host => host.Value).Where(vm => vm.StartsWith("web-", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)];
}
