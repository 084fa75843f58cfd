using Kumoi.FailureOblivious;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Workloads;
using Kumoi.Workloads.Maintenance;
using Xunit;

namespace Kumoi.Tests.Workloads.Maintenance;

public sealed class FleetShutdownTests : WorkloadTest
{
    private const string Three = "sim://lab?hosts=3&vms=3&running=2&seed=3";

    [Fact]
    public async Task Running_VMs_are_shut_down_stage_by_stage()
    {
        await using var lab = await LabFleet.ConnectAsync(Three);
        var steps = await RunAsync(Shutdown(lab, vm => vm.Name.EndsWith("-1", StringComparison.Ordinal) ? 1 : 0));
        Assert.Equal(["kvm01-2", "kvm02-2", "kvm03-2", "kvm01-1", "kvm02-1", "kvm03-1"], steps.Select(step => step.Name));
        Assert.All(steps, step => Assert.Equal((PlanStepState.Done, PowerState.Shutoff), (step.State, step.VM!.State)));
        Assert.All(await RunningAsync(lab), host => Assert.Empty(host.Value));
    }

    [Fact]
    public async Task A_VM_of_no_stage_goes_on_running()
    {
        await using var lab = await LabFleet.ConnectAsync(Three);
        await RunAsync(Shutdown(lab, vm => vm.VMHost is "kvm02" ? null : 0));
        Assert.Equal(2, (await RunningAsync(lab)).Sum(host => host.Value.Length));
    }

    [Fact]
    public async Task A_paused_guest_cannot_hear_and_is_turned_off_where_that_is_allowed()
    {
        await using var lab = await LabFleet.ConnectAsync(Three);
        var vm = (await lab.VMsAsync("kvm01"))[0];
        await lab.Host("kvm01").Link.SendAsync(new SuspendVM(vm.Id), default);
        await Assert.ThrowsAsync<HypervisorException>(() => RunAsync(Shutdown(lab, vm => vm.VMHost is "kvm01" ? 0 : null)));
        await RunAsync(Shutdown(lab, vm => vm.VMHost is "kvm01" ? 0 : null, turnOff: true));
        Assert.Equal(PowerState.Shutoff, (await lab.VMsAsync("kvm01"))[0].State);
    }

    [Fact]
    public async Task A_failure_is_masked_and_the_others_still_stop()
    {
        await using var lab = await LabFleet.ConnectAsync(Three);
        lab.Break("kvm02", FaultOperation.Stop, FaultDomain.VM, "kvm02-1");
        var steps = await RunAsync(Shutdown(lab, _ => 0, options: new WorkloadOptions { Mask = MaskMode.Pessimistic }));
        Assert.Equal(["kvm02-1"], steps.Where(step => step.State is PlanStepState.Masked).Select(step => step.Name));
        Assert.Equal(["kvm02-1"], (await RunningAsync(lab)).SelectMany(host => host.Value));
    }

    private static FleetShutdown Shutdown(
        LabFleet lab, Func<KumoiVM, int?> stageOf, bool turnOff = false, WorkloadOptions? options = null) =>
        new(lab.Fleet, lab.Fleet.Hosts, stageOf, TimeSpan.FromSeconds(60), turnOff, options ?? new WorkloadOptions()) { Time = lab.Time };
}
