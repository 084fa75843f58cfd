using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Speculation;
using Kumoi.Speculation.Migration;
using Xunit;
using static Kumoi.Tests.Speculation.HostFailures;

namespace Kumoi.Tests.Speculation.Migration;

/// <summary>One winner, whatever fails, and whenever the controller dies.</summary>
public sealed class SpeculativeMigrationTests
{
    [Fact]
    public async Task The_first_complete_target_wins_and_the_other_leaves_nothing()
    {
        await using var site = await Site.OpenAsync();
        var controller = new Controller();
        await using var fleet = await site.StartAsync(controller);
        var result = await site.MigrateAsync(fleet);
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("done"));
        Assert.Equal(("kvm02", PowerState.Running), (result.VM.VMHost, result.VM.State));
        Assert.Equal([("kvm02", true), ("kvm03", false)], result.Replicas.Select(replica => (replica.VMHost, replica.IsWinner)));
        Assert.Empty(await site.UnfinishedAsync());
        // The starting step, then the source and the loser: nothing that is not needed is between the VM's two lives.
        var calls = controller.Calls.SkipWhile(call => call is not "perform kvm01").Skip(1).Take(6).ToList();
        Assert.Equal(["append journal", "finish kvm02", "place kvm02", "append journal"], calls.Take(4));
        Assert.Equal(["abandon kvm03", "confirm kvm01"], calls.Skip(4).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_VM_that_somebody_had_paused_arrives_paused()
    {
        await using var site = await Site.OpenAsync();
        await site.PauseAsync();
        await using var fleet = await site.StartAsync(new Controller());
        await site.MigrateAsync(fleet);
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("paused", VMWhereabouts.Paused));
    }

    [Fact]
    public async Task A_target_that_cannot_be_prepared_does_not_matter_to_the_others()
    {
        await using var site = await Site.OpenAsync();
        await using var fleet = await site.StartAsync(
            new Controller { Fault = (host, call, _) => (host, call) is ("kvm02", "prepare") ? Definite(host) : null });
        var result = await site.MigrateAsync(fleet);
        Assert.Equal("kvm03", await site.AssertOneCopyAsync("prepare"));
        Assert.Equal("kvm02 says no", result.Replicas[0].Reason);
    }

    [Theory]
    [InlineData("begin")]
    [InlineData("prepare")]
    [InlineData("perform")]
    [InlineData("finish")]
    public async Task Where_no_target_wins_the_VM_runs_on_where_it_was(string step)
    {
        await using var site = await Site.OpenAsync();
        await using var fleet = await site.StartAsync(
            new Controller { Fault = (host, call, isDone) => call == step && !isDone ? Definite(host) : null });
        var failure = await Assert.ThrowsAsync<SpeculationFailedException>(() => site.MigrateAsync(fleet));
        Assert.EndsWith("says no", failure.InnerException!.Message, StringComparison.Ordinal);
        Assert.Equal("kvm01", await site.AssertOneCopyAsync(step));
        Assert.Empty(await site.UnfinishedAsync());
    }

    [Fact]
    public async Task A_winner_that_does_not_start_is_proven_absent_before_the_next_is_started()
    {
        await using var site = await Site.OpenAsync();
        var controller =
            new Controller { Fault = (host, call, isDone) => (host, call, isDone) is ("kvm02", "finish", false) ? Definite(host) : null };
        await using var fleet = await site.StartAsync(controller);
        await site.MigrateAsync(fleet);
        Assert.Equal("kvm03", await site.AssertOneCopyAsync("finish"));
        Assert.True(controller.Calls.IndexOf("abandon kvm02") < controller.Calls.IndexOf("finish kvm03"));
    }

    [Fact]
    public async Task An_answer_that_is_lost_is_no_failure_the_host_tells()
    {
        await using var site = await Site.OpenAsync();
        var controller =
            new Controller { Fault = (host, call, isDone) => (host, call, isDone) is ("kvm02", "finish", true) ? Unknown(host) : null };
        await using var fleet = await site.StartAsync(controller);
        await site.MigrateAsync(fleet);
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("answer lost"));
        Assert.DoesNotContain("finish kvm03", controller.Calls);
    }

    [Fact]
    public async Task A_winner_that_does_not_answer_any_more_stops_everything_until_it_does()
    {
        await using var site = await Site.OpenAsync();
        var controller = new Controller
        {
            Fault = (host, call, isDone) => (host, call, isDone) switch
            {
                ("kvm02", "finish", true) => Unknown(host),
                ("kvm02", "place", _) or ("kvm02", "abandon", _) =>
                    new($"no answer from {host}", FaultDomain.Host, error: HypervisorError.ConnectionFailed),
                _ => null,
            },
        };
        await using var fleet = await site.StartAsync(controller);
        var failure = await Assert.ThrowsAsync<HypervisorException>(() => site.MigrateAsync(fleet));
        Assert.True(failure.OutcomeUnknown);
        Assert.DoesNotContain("finish kvm03", controller.Calls);
        Assert.DoesNotContain("take back kvm01", controller.Calls);
        Assert.Single(await site.UnfinishedAsync());

        // As long as it does not answer, nothing is done.
        var silent = new Controller { Fault = controller.Fault };
        Assert.False(Assert.Single(await site.RepairAsync(silent)).IsRepaired);
        Assert.Equal(VMWhereabouts.MigrationPaused, (await site.PlacesAsync())[0]);

        var repaired = Assert.Single(await site.RepairAsync());
        Assert.Equal((true, "kvm02"), (repaired.IsRepaired, repaired.VMHost));
        await site.AssertOneCopyAsync("repaired");
    }

    [Fact]
    public async Task A_source_that_cannot_be_told_holds_a_paused_copy_until_it_is_repaired()
    {
        await using var site = await Site.OpenAsync();
        await using (var fleet = await site.StartAsync(
            new Controller { Fault = (host, call, isDone) => call is "confirm" && !isDone ? Unknown(host) : null }))
        {
            await Assert.ThrowsAsync<HypervisorException>(() => site.MigrateAsync(fleet));
        }

        Assert.Equal([VMWhereabouts.MigrationPaused, VMWhereabouts.Running], (await site.PlacesAsync()).Take(2));
        Assert.True(Assert.Single(await site.RepairAsync()).IsRepaired);
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("repaired"));
    }

    [Fact]
    public async Task A_winner_that_cannot_be_read_once_more_has_won_all_the_same()
    {
        await using var site = await Site.OpenAsync();
        var controller = new Controller { Fault = (host, call, _) => (host, call) is ("kvm02", "find") ? Definite(host) : null };
        await using var fleet = await site.StartAsync(controller);
        var result = await site.MigrateAsync(fleet, new SpeculationOptions { Replicas = 1 });
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("moved"));
        Assert.Equal(("kvm02", PowerState.Unknown), (result.VM.VMHost, result.VM.State));
        Assert.Single(controller.Calls, call => call.StartsWith("begin", StringComparison.Ordinal));
        Assert.Empty(await site.UnfinishedAsync());
    }

    [Fact]
    public async Task Cancelled_before_a_winner_is_named_it_leaves_the_VM_where_it_was()
    {
        await using var site = await Site.OpenAsync();
        using var stop = new CancellationTokenSource();
        var controller = new Controller { Turn = (_, call) => call is "perform" ? stop.CancelAsync() : Task.CompletedTask };
        await using var fleet = await site.StartAsync(controller);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => site.MigrateAsync(fleet, cancellationToken: stop.Token));
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("cancelled"));
        Assert.Empty(await site.UnfinishedAsync());
    }

    [Fact]
    public async Task Cancelled_when_all_was_sent_and_no_winner_is_named_it_leaves_the_VM_where_it_was()
    {
        await using var site = await Site.OpenAsync();
        using var stop = new CancellationTokenSource();
        var controller = new Controller
        {
            Effect = async (_, call, act) =>
            {
                await act();
                if (call is "perform")
                {
                    await stop.CancelAsync();
                }
            },
        };
        await using var fleet = await site.StartAsync(controller);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => site.MigrateAsync(fleet, cancellationToken: stop.Token));
        Assert.DoesNotContain(controller.Calls, call => call.StartsWith("finish", StringComparison.Ordinal));
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("cancelled"));
        Assert.Empty(await site.UnfinishedAsync());
    }

    [Fact]
    public async Task A_target_that_has_a_VM_of_that_id_already_says_nothing_about_the_others()
    {
        await using var site = await Site.OpenAsync();
        var controller = new Controller
        {
            Fault = (host, call, isDone) => (host, call, isDone) is ("kvm02", "prepare", false)
                ? new($"{host} has one of that id", FaultDomain.VM, error: HypervisorError.VMExists)
                : null,
        };
        await using var fleet = await site.StartAsync(controller);
        await site.MigrateAsync(fleet, new SpeculationOptions { Replicas = 1 });
        Assert.Equal("kvm03", await site.AssertOneCopyAsync("next"));
    }

    [Fact]
    public async Task Hedged_one_target_at_a_time_is_tried()
    {
        await using var site = await Site.OpenAsync(4);
        var controller = new Controller
        {
            Fault = (host, call, isDone) => (host, call, isDone) is ("kvm02" or "kvm03", "finish", false) ? Definite(host) : null
        };
        await using var fleet = await site.StartAsync(controller);
        var result = await site.MigrateAsync(fleet, new SpeculationOptions { HedgeDelay = TimeSpan.FromSeconds(1) });
        Assert.Equal("kvm04", await site.AssertOneCopyAsync("hedged"));
        Assert.Equal(["prepare kvm02", "prepare kvm03", "prepare kvm04"], controller.Calls.Where(
            call => call.StartsWith("prepare", StringComparison.Ordinal)));
        Assert.Equal(3, result.Replicas.Count);
    }

    [Fact]
    public async Task A_failure_of_the_VM_burns_through_no_targets()
    {
        await using var site = await Site.OpenAsync(5);
        var controller = new Controller
        {
            Fault = (_, call, isDone) => call is "perform" && !isDone ? new("its device blocks migration", FaultDomain.VM) : null
        };
        await using var fleet = await site.StartAsync(controller);
        await Assert.ThrowsAsync<SpeculationFailedException>(() => site.MigrateAsync(fleet, new SpeculationOptions { Replicas = 2 }));
        Assert.Equal(2, controller.Calls.Count(call => call.StartsWith("prepare", StringComparison.Ordinal)));
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("VM"));
    }

    [Fact]
    public async Task Two_speculative_migrations_from_one_host_keep_to_its_limit_of_jobs()
    {
        await using var site = await Site.OpenAsync();
        var other = await site.Observe(1).SendAsync(new DefineVM(new VMSpec { Name = "other", MemoryBytes = 1L << 30 }), default);
        await site.Observe(1).SendAsync(new StartVM(other.Id, Paused: false), default);
        var (sending, most) = (0, 0);
        var second = new TaskCompletionSource();
        var controller = new Controller
        {
            Effect = async (_, call, act) =>
            {
                if (call is not "perform")
                {
                    await act();
                    return;
                }

                most = Math.Max(most, Interlocked.Increment(ref sending));
                if (most == 2)
                {
                    second.SetResult();
                }

                // The first is under way until the second is, or is waiting for it.
                await Task.WhenAny(second.Task, Task.Delay(TimeSpan.FromSeconds(0.5), site.Time));
                await act();
                Interlocked.Decrement(ref sending);
            },
        };
        await using var fleet = await site.StartAsync(controller, limits: new FleetLimits { MaxJobsPerHost = 1 });
        var source = fleet.Hosts[0];
        var vm = new KumoiVM(source, (await source.Link.SendAsync(new FindVM(other.Id), default))!);
        await Task.WhenAll(
            site.MigrateAsync(fleet),
            new SpeculativeMigration(vm, new SpeculationOptions { Replicas = 2 }, site.Time)
                .RunAsync([.. fleet.Hosts.Skip(1)], progress: null, default));
        Assert.Equal(1, most);
    }

    [Fact]
    public async Task A_strict_winner_runs_only_when_the_source_has_given_the_VM_up()
    {
        await using var site = await Site.OpenAsync();
        var controller = new Controller();
        await using var fleet = await site.StartAsync(controller);
        var result = await site.MigrateAsync(fleet, new SpeculationOptions { IsStrict = true });
        Assert.Equal(PowerState.Running, result.VM.State);
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("strict"));
        Assert.True(controller.Calls.IndexOf("finish kvm02") < controller.Calls.IndexOf("confirm kvm01"));
        Assert.True(controller.Calls.IndexOf("confirm kvm01") < controller.Calls.IndexOf("resume kvm02"));
    }

    [Fact]
    public async Task A_strict_winner_stays_paused_while_the_source_does_not_answer()
    {
        await using var site = await Site.OpenAsync();
        Func<string, string, bool, HypervisorException?> fault = (host, call, isDone) =>
            (host, call) is ("kvm01", "confirm" or "place") && !isDone ? Unknown(host) : null;
        await using (var fleet = await site.StartAsync(new Controller { Fault = fault }))
        {
            await Assert.ThrowsAsync<HypervisorException>(() => site.MigrateAsync(fleet, new SpeculationOptions { IsStrict = true }));
        }

        Assert.False(Assert.Single(await site.RepairAsync(new Controller { Fault = fault })).IsRepaired);
        Assert.Equal([VMWhereabouts.MigrationPaused, VMWhereabouts.Paused], (await site.PlacesAsync()).Take(2));
        Assert.True(Assert.Single(await site.RepairAsync()).IsRepaired);
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("repaired"));
    }
}
