using Kumoi.FailureOblivious;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Xunit;

namespace Kumoi.Tests.Fleets;

public sealed class OtherCopiesTests
{
    private static readonly Guid Id = new("00000000-0000-4000-8000-000000000001");

    [Fact]
    public async Task A_VM_is_not_started_while_a_copy_runs_on_another_host()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=3&vms=0&seed=7");
        var copy = await MakeAsync(lab, "kvm01");
        var vm = await MakeAsync(lab, "kvm02");
        Assert.Empty(await VMActions.EnsureOnlyCopyAsync(lab.Fleet, vm, resumes: false, default));

        await VMActions.StartAsync(copy, paused: false, default);
        var error = await Assert.ThrowsAsync<HypervisorException>(
            () => VMActions.EnsureOnlyCopyAsync(lab.Fleet, vm, resumes: false, default));
        Assert.Equal((HypervisorError.RunsElsewhere, FaultDomain.VM), (error.Error, error.FaultDomain));
        Assert.Contains("kvm01", error.Message, StringComparison.Ordinal);
        Assert.Empty(await VMActions.EnsureOnlyCopyAsync(lab.Fleet, copy, resumes: false, default));
    }

    [Theory]
    [InlineData(PowerState.Paused, false)]
    [InlineData(PowerState.Crashed, true)]
    [InlineData(PowerState.PMSuspended, true)]
    [InlineData(PowerState.Unknown, true)]
    public async Task Whatever_holds_the_other_host_counts_as_running_there(PowerState state, bool alsoForResuming)
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=0&seed=7");
        await MakeAsync(lab, "kvm01");
        var vm = await MakeAsync(lab, "kvm02");
        await SetAsync(lab, "kvm01", state);
        await Assert.ThrowsAsync<HypervisorException>(() => VMActions.EnsureOnlyCopyAsync(lab.Fleet, vm, resumes: false, default));
        var resuming = () => VMActions.EnsureOnlyCopyAsync(lab.Fleet, vm, resumes: true, default);
        await (alsoForResuming ? (Task)Assert.ThrowsAsync<HypervisorException>(resuming) : resuming());
    }

    [Fact]
    public async Task A_host_that_cannot_be_read_is_told_or_counts_as_it_was_read_last()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=0&seed=7");
        var copy = await MakeAsync(lab, "kvm01");
        var vm = await MakeAsync(lab, "kvm02");
        await VMActions.StartAsync(copy, paused: false, default);
        var broken = lab.Break("kvm01", FaultOperation.Read);
        Assert.Equal(["kvm01"], await VMActions.EnsureOnlyCopyAsync(lab.Fleet, vm, resumes: false, default));

        lab.Faults.Remove(broken.Id);
        await FleetReads.ReadHostAsync(lab.Host("kvm01"), default);
        lab.Break("kvm01", FaultOperation.Read);
        var error = await Assert.ThrowsAsync<HypervisorException>(
            () => VMActions.EnsureOnlyCopyAsync(lab.Fleet, vm, resumes: false, default));
        Assert.Contains("cannot be read", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Masks_do_not_make_an_unread_host_look_empty()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=0&seed=7");
        var vm = await MakeAsync(lab, "kvm02");
        lab.Break("kvm01", FaultOperation.Read);
        using var scope = FailureObliviousScope.Enter(lab.Fleet);
        Assert.Equal(["kvm01"], await VMActions.EnsureOnlyCopyAsync(lab.Fleet, vm, resumes: false, default));
    }

    [Fact]
    public async Task Many_that_ask_at_once_share_readings()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=4&vms=0&seed=7");
        var vm = await MakeAsync(lab, "kvm02");
        var reads = lab.Faults.Add(new FaultRule
        {
            HostPattern = "*",
            HostMatches = _ => true,
            Operation = FaultOperation.Read,
            Delay = TimeSpan.FromTicks(1),
            OnlyDelays = true,
        });
        var asking = Task.WhenAll(
            Enumerable.Range(0, 100).Select(_ => VMActions.EnsureOnlyCopyAsync(lab.Fleet, vm, resumes: false, default)));
        while (!asking.IsCompleted)
        {
            lab.Time.Advance(TimeSpan.FromMilliseconds(1));
            await Task.Yield();
        }

        await asking;
        // Those who come while one is under way get the next: two of four hosts each, and not a hundred.
        Assert.InRange(lab.Faults.Rules.Single(entry => entry.Rule.Id == reads.Id).Hits, 4, 40);
    }

    [Fact]
    public async Task A_definition_with_an_id_of_its_own_is_looked_at_before_it_is_made()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=0&seed=7");
        await VMActions.StartAsync(await MakeAsync(lab, "kvm01"), paused: false, default);
        await Assert.ThrowsAsync<HypervisorException>(() => VMActions.EnsureOnlyCopyAsync(lab.Fleet, Spec(), lab.Host("kvm02"), default));
        // With a name it gets an id of its own.
        Assert.Empty(await VMActions.EnsureOnlyCopyAsync(lab.Fleet, Spec() with { Name = "other" }, lab.Host("kvm02"), default));
    }

    private static VMSpec Spec() => new() { Xml = $"<domain><name>web</name><uuid>{Id:D}</uuid><memory unit='MiB'>64</memory></domain>" };

    private static Task<KumoiVM> MakeAsync(LabFleet lab, string host) =>
        VMActions.CreateAsync(lab.Host(host), Spec(), start: false, keepFailed: false, OperationId.New(), default);

    private static async Task SetAsync(LabFleet lab, string host, PowerState state)
    {
        await lab.Host(host).Link.SendAsync(new StartVM(Id, Paused: false), default);
        lab.Simulated(host).Find(Id)!.ChangeState(state, lab.Time.GetUtcNow());
    }
}
