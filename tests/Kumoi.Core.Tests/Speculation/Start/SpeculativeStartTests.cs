using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Speculation;
using Xunit;
using static Kumoi.Tests.Speculation.HostFailures;
using static Kumoi.Tests.Speculation.Start.SpeculativeStartSite;

namespace Kumoi.Tests.Speculation.Start;

/// <summary>
/// A VM that is started on one of several hosts: one of them lets it run, whatever fails, and whenever the controller dies.
/// </summary>
public sealed class SpeculativeStartTests
{
    [Fact]
    public async Task A_new_VM_runs_on_the_first_host_that_has_it_and_the_others_keep_nothing()
    {
        await using var site = await OpenAsync(hasHome: false);
        var controller = InOrder("kvm01");
        await using var fleet = await site.StartAsync(controller);
        var result = await site.PowerOnAsync(fleet, hasHome: false, [1, 2, 3]);
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("made"));
        Assert.Equal(("kvm01", PowerState.Running, Site.VM), (result.VM.VMHost, result.VM.State, result.VM.Name));
        Assert.Equal([true, false, false], result.Replicas.Select(replica => replica.IsWinner));
        Assert.Single(controller.Calls, call => call.StartsWith("resume", StringComparison.Ordinal));
        await site.AssertNoMarksAsync("made");
        Assert.Empty(await site.UnfinishedAsync());
    }

    [Fact]
    public async Task A_VM_that_is_off_goes_with_its_definition_to_the_host_that_starts_it()
    {
        await using var site = await OpenAsync(hasHome: true);
        await using var fleet = await site.StartAsync(InOrder("kvm02"));
        var result = await site.PowerOnAsync(fleet, hasHome: true, [2, 3]);
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("started"));
        Assert.Equal(site.Id, result.VM.Id);
        await site.AssertNoMarksAsync("started");
    }

    [Fact]
    public async Task Its_own_host_can_win()
    {
        await using var site = await OpenAsync(hasHome: true);
        await using var fleet = await site.StartAsync(
            new Controller { Fault = (host, call, _) => (host, call) is ("kvm02", "define") ? Definite(host) : null });
        await site.PowerOnAsync(fleet, hasHome: true, [2, 1]);
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("home"));
        await site.AssertNoMarksAsync("home");
    }

    [Fact]
    public async Task The_next_host_takes_the_place_of_one_that_fails()
    {
        await using var site = await OpenAsync(hasHome: false, hosts: 4);
        var controller =
            new Controller { Fault = (host, call, _) => (host, call) is ("kvm01", "define") or ("kvm02", "start") ? Definite(host) : null };
        await using var fleet = await site.StartAsync(controller);
        var result = await site.PowerOnAsync(fleet, hasHome: false, [1, 2, 3, 4], new SpeculationOptions { Replicas = 1 });
        Assert.Equal("kvm03", await site.AssertOneCopyAsync("next"));
        Assert.Equal(["kvm01", "kvm02", "kvm03"], result.Replicas.Select(replica => replica.VMHost));
        Assert.DoesNotContain("define kvm04", controller.Calls);
    }

    [Theory]
    [InlineData("define", false)]
    [InlineData("start", false)]
    [InlineData("resume", false)]
    [InlineData("define", true)]
    [InlineData("start", true)]
    [InlineData("resume", true)]
    [InlineData("mark", true)]
    public async Task Where_no_host_lets_it_run_the_VM_is_as_it_was(string step, bool hasHome)
    {
        await using var site = await OpenAsync(hasHome);
        await using var fleet = await site.StartAsync(
            new Controller { Fault = (host, call, isDone) => call == step && !isDone ? Definite(host) : null });
        var failure = await Assert.ThrowsAnyAsync<Exception>(() => site.PowerOnAsync(fleet, hasHome, [2, 3]));
        Assert.EndsWith(
            "says no", (failure as SpeculationFailedException)?.InnerException!.Message ?? failure.Message, StringComparison.Ordinal);
        Assert.Equal(
            [hasHome ? VMWhereabouts.Off : VMWhereabouts.Absent, VMWhereabouts.Absent, VMWhereabouts.Absent], await site.PlacesAsync());
        await site.AssertNoMarksAsync(step);
        Assert.Empty(await site.UnfinishedAsync());
    }

    [Fact]
    public async Task An_answer_that_is_lost_is_no_failure_the_host_tells()
    {
        await using var site = await OpenAsync(hasHome: false);
        var controller = InOrder("kvm01", (host, call, isDone) => (host, call, isDone) is ("kvm01", "resume", true) ? Unknown(host) : null);
        await using var fleet = await site.StartAsync(controller);
        await site.PowerOnAsync(fleet, hasHome: false, [1, 2]);
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("answer lost"));
        Assert.DoesNotContain("resume kvm02", controller.Calls);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_host_that_may_run_it_and_does_not_answer_any_more_stops_everything_until_it_does(bool hasHome)
    {
        await using var site = await OpenAsync(hasHome);
        var silent = false;
        Func<string, string, bool, HypervisorException?> fault = (host, call, isDone) =>
        {
            silent |= (host, call, isDone) is ("kvm02", "resume", true);
            return silent && host is "kvm02" ? isDone && call is "resume"
                ? Unknown(host) : new($"{host} is silent", FaultDomain.Host, error: HypervisorError.ConnectionFailed) : null;
        };
        await using var fleet = await site.StartAsync(InOrder("kvm02", fault));
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => site.PowerOnAsync(fleet, hasHome, [2, 3]));
        Assert.True(failure.OutcomeUnknown);
        Assert.Equal(
            [hasHome ? VMWhereabouts.Off : VMWhereabouts.Absent, VMWhereabouts.Running, VMWhereabouts.Absent], await site.PlacesAsync());
        Assert.Contains(await site.UnfinishedAsync(), operation => operation.Kind is OperationKind.SpeculativeStart);

        Assert.False(Assert.Single(await site.RepairAsync(new Controller { Fault = fault })).IsRepaired);
        var repaired = Assert.Single(await site.RepairAsync());
        Assert.Equal((true, "kvm02"), (repaired.IsRepaired, repaired.VMHost));
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("repaired"));
        await site.AssertNoMarksAsync("repaired");
    }

    [Fact]
    public async Task A_VM_that_somebody_starts_meanwhile_is_started_nowhere_else()
    {
        await using var site = await OpenAsync(hasHome: true);
        var controller = new Controller
        {
            Turn = (host, call) => (host, call) is ("kvm02", "start") ? site.Observe(1)
                .SendAsync(new StartVM(site.Id, Paused: false), default).AsTask() : Task.CompletedTask,
        };
        await using var fleet = await site.StartAsync(controller);
        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => site.PowerOnAsync(fleet, hasHome: true, [2, 3], new SpeculationOptions { Replicas = 1 }));
        Assert.Equal(FaultDomain.VM, failure.FaultDomain);
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("started by somebody"));
    }

    [Fact]
    public async Task Cancelled_before_a_host_is_named_it_leaves_nothing()
    {
        await using var site = await OpenAsync(hasHome: false);
        using var stop = new CancellationTokenSource();
        var cancelling = new Lazy<Task>(stop.CancelAsync);
        await using var fleet = await site.StartAsync(
            new Controller { Turn = (_, call) => call is "start" ? cancelling.Value : Task.CompletedTask });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => site.PowerOnAsync(fleet, hasHome: false, [1, 2], cancellationToken: stop.Token));
        Assert.All(await site.PlacesAsync(), place => Assert.Equal(VMWhereabouts.Absent, place));
        Assert.DoesNotContain(await site.UnfinishedAsync(), operation => operation.Kind is OperationKind.SpeculativeStart);
    }

    [Fact]
    public async Task Hedged_the_next_replica_begins_when_one_takes_too_long_and_both_race()
    {
        await using var site = await OpenAsync(hasHome: false);
        var slow = new TaskCompletionSource();
        var begun = new TaskCompletionSource();
        await using var fleet = await site.StartAsync(new Controller
        {
            Turn = (host, call) =>
            {
                if ((host, call) is ("kvm01", "start"))
                {
                    begun.TrySetResult();
                    return slow.Task;
                }

                return Task.CompletedTask;
            },
            Fault = (host, call, _) =>
            {
                // The slow one is there when the other has won.
                if (call is "resume")
                {
                    slow.TrySetResult();
                }

                return null;
            },
        });
        var starting = site.PowerOnAsync(
            fleet, hasHome: false, [1, 2, 3], new SpeculationOptions { Replicas = 2, HedgeDelay = TimeSpan.FromSeconds(30) });
        await begun.Task;
        Assert.Equal([VMWhereabouts.Off, VMWhereabouts.Absent, VMWhereabouts.Absent], await site.PlacesAsync());
        site.Time.Advance(TimeSpan.FromSeconds(31));
        var result = await starting;
        Assert.Equal("kvm02", result.VM.VMHost);
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("hedged"));
        Assert.Equal(["kvm01", "kvm02"], result.Replicas.Select(replica => replica.VMHost));
    }

    [Fact]
    public async Task Replicas_that_would_write_to_the_same_disk_are_there_one_at_a_time()
    {
        await using var site = await OpenAsync(hasHome: false);
        var controller = new Controller { Fault = (host, call, _) => (host, call) is ("kvm01", "start") ? Definite(host) : null };
        await using var fleet = await site.StartAsync(controller);
        await site.PowerOnAsync(fleet, hasHome: false, [1, 2, 3], disk: "/shared/web.qcow2");
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("disk"));
        Assert.True(controller.Calls.IndexOf("undo kvm01") < controller.Calls.IndexOf("define kvm02"));
        Assert.DoesNotContain("define kvm03", controller.Calls);
    }

    [Fact]
    public async Task Hedged_with_the_same_disk_one_that_takes_too_long_is_given_up_for_the_next()
    {
        await using var site = await OpenAsync(hasHome: false);
        var slow = new TaskCompletionSource();
        var begun = new TaskCompletionSource();
        await using var fleet = await site.StartAsync(new Controller
        {
            Turn = (host, call) =>
            {
                if ((host, call) is not ("kvm01", "start"))
                {
                    return Task.CompletedTask;
                }

                begun.TrySetResult();
                return slow.Task;
            },
        });
        var options = new SpeculationOptions { Replicas = 2, HedgeDelay = TimeSpan.FromSeconds(30) };
        var starting = site.PowerOnAsync(fleet, hasHome: false, [1, 2, 3], options, "/shared/web.qcow2");
        await begun.Task;
        site.Time.Advance(TimeSpan.FromSeconds(31));
        slow.SetResult();
        var result = await starting;
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("given up"));
        Assert.Equal(
            [("kvm01", ReplicaEnding.TooSlow, "kvm01 took longer than 30 s."), ("kvm02", ReplicaEnding.Won, null)],
            result.Replicas.Select(replica => (replica.VMHost, replica.Ending, replica.Reason)));
    }

    [Fact]
    public async Task A_failure_of_the_VM_burns_through_no_hosts()
    {
        await using var site = await OpenAsync(hasHome: false, hosts: 5);
        var controller =
            new Controller { Fault = (_, call, isDone) => call is "start" && !isDone ? new("its disk is broken", FaultDomain.VM) : null };
        await using var fleet = await site.StartAsync(controller);
        await Assert.ThrowsAsync<SpeculationFailedException>(
            () => site.PowerOnAsync(fleet, hasHome: false, [1, 2, 3, 4, 5], new SpeculationOptions { Replicas = 1 }));
        Assert.Single(controller.Calls, call => call.StartsWith("define", StringComparison.Ordinal));
    }
}
