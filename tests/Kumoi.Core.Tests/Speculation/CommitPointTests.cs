using Kumoi.Hypervisors;
using Kumoi.Speculation;
using Xunit;

namespace Kumoi.Tests.Speculation;

/// <summary>
/// A winner that has run is never removed, whatever its host said, and whatever has become of its guest in the moment since.
/// </summary>
public sealed class CommitPointTests
{
    private static HypervisorException Definite(string host) => new($"{host} says no", FaultDomain.Host);

    private static HypervisorException Unknown(string host) =>
        new($"no answer from {host}", FaultDomain.Host, outcomeUnknown: true, error: HypervisorError.ConnectionFailed);

    [Theory]
    [InlineData(0.05)]
    [InlineData(3)]
    [InlineData(25)]
    public async Task A_starting_step_that_was_not_answered_and_takes_effect_later_has_won(double afterSec)
    {
        await using var site = await Site.OpenAsync();
        var controller = new Controller { Effect = Later(site, "kvm02", "finish", afterSec) };
        await using var fleet = await site.StartAsync(controller);
        var result = await site.MigrateAsync(fleet);
        Assert.Equal("kvm02", result.VM.VMHost);
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("late"));
        Assert.DoesNotContain("finish kvm03", controller.Calls);
        Assert.Empty(await site.UnfinishedAsync());
    }

    [Fact]
    public async Task A_starting_step_that_takes_no_effect_for_long_leaves_the_operation_undecided_and_removes_nothing()
    {
        await using var site = await Site.OpenAsync();
        var controller = new Controller { Effect = Later(site, "kvm02", "finish", 3600) };
        await using (var fleet = await site.StartAsync(controller))
        {
            var failure = await Assert.ThrowsAsync<HypervisorException>(() => site.MigrateAsync(fleet));
            Assert.True(failure.OutcomeUnknown);
        }

        Assert.DoesNotContain("abandon kvm02", controller.Calls);
        Assert.Equal(VMWhereabouts.MigrationPaused, (await site.PlacesAsync())[0]);
        Assert.True(Assert.Single(await site.RepairAsync()).IsRepaired);
        await site.AssertOneCopyAsync("repaired");
    }

    [Theory]
    [InlineData(PowerState.Paused, true, VMWhereabouts.Paused)]
    [InlineData(PowerState.Shutoff, true, VMWhereabouts.Off)]
    [InlineData(PowerState.Crashed, true, VMWhereabouts.Off)]
    [InlineData(PowerState.Paused, false, VMWhereabouts.Paused)]
    [InlineData(PowerState.Shutoff, false, VMWhereabouts.Off)]
    public async Task A_migrated_guest_that_stops_at_once_is_on_its_winner(PowerState becomes, bool isAnswered, VMWhereabouts expected)
    {
        await using var site = await Site.OpenAsync();
        var controller = new Controller { Fault = Becomes(site, "finish", becomes, isAnswered) };
        await using var fleet = await site.StartAsync(controller);
        var result = await site.MigrateAsync(fleet);
        Assert.Equal("kvm02", result.VM.VMHost);
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("stopped", expected));
        Assert.DoesNotContain("finish kvm03", controller.Calls);
        Assert.Empty(await site.UnfinishedAsync());
    }

    [Theory]
    [InlineData(PowerState.Paused, true, VMWhereabouts.Paused)]
    [InlineData(PowerState.Shutoff, true, VMWhereabouts.Off)]
    [InlineData(PowerState.Crashed, true, VMWhereabouts.Off)]
    [InlineData(PowerState.Shutoff, false, VMWhereabouts.Off)]
    [InlineData(PowerState.Paused, false, VMWhereabouts.Running)]
    public async Task A_started_guest_that_stops_at_once_is_on_its_winner(PowerState becomes, bool isAnswered, VMWhereabouts expected)
    {
        foreach (var hasHome in new[] { false, true })
        {
            await using var site = await Site.OpenAsync();
            await site.TurnOffAsync(hasHome);
            var controller = new Controller { Fault = Becomes(site, "resume", becomes, isAnswered) };
            await using var fleet = await site.StartAsync(controller);
            var result = await site.PowerOnAsync(fleet, hasHome, [2, 3], new SpeculationOptions { Replicas = 1 });
            Assert.Equal("kvm02", result.VM.VMHost);
            Assert.Equal("kvm02", await site.AssertOneCopyAsync("stopped", expected));
            Assert.DoesNotContain("resume kvm03", controller.Calls);
            await site.AssertNoMarksAsync("stopped");
            Assert.Empty(await site.UnfinishedAsync());
        }
    }

    [Theory]
    [InlineData(0.05)]
    [InlineData(3)]
    public async Task A_copy_whose_start_was_not_answered_is_let_run_on_that_host_and_on_no_other(double afterSec)
    {
        await using var site = await Site.OpenAsync();
        await site.TurnOffAsync(hasHome: false);
        var controller = new Controller { Effect = Later(site, "kvm02", "resume", afterSec) };
        await using var fleet = await site.StartAsync(controller);
        var result = await site.PowerOnAsync(fleet, hasHome: false, [2, 3], new SpeculationOptions { Replicas = 1 });
        Assert.Equal("kvm02", result.VM.VMHost);
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("late"));
        Assert.DoesNotContain("resume kvm03", controller.Calls);
    }

    [Fact]
    public async Task A_winner_that_was_started_and_is_gone_stops_everything()
    {
        await using var site = await Site.OpenAsync();
        var controller = new Controller
        {
            Turn = (host, call) => (host, call) is ("kvm02", "place") ? Operators.ActAsync(site, "undefine", 2) : Task.CompletedTask
        };
        await using (var fleet = await site.StartAsync(controller))
        {
            var failure = await Assert.ThrowsAsync<HypervisorException>(() => site.MigrateAsync(fleet));
            Assert.True(failure.OutcomeUnknown);
        }

        Assert.Equal([VMWhereabouts.MigrationPaused, VMWhereabouts.Absent, VMWhereabouts.Absent], await site.PlacesAsync());
        Assert.False(Assert.Single(await site.RepairAsync()).IsRepaired);
        Assert.Equal(VMWhereabouts.MigrationPaused, (await site.PlacesAsync())[0]);
    }

    [Fact]
    public async Task An_error_that_nobody_expected_after_the_starting_step_takes_nothing_back()
    {
        await using var site = await Site.OpenAsync();
        var controller = new Controller
        {
            Effect = async (host, call, act) =>
            {
                await act();
                if (call is "finish")
                {
                    throw new ObjectDisposedException("a link");
                }
            },
        };
        await using (var fleet = await site.StartAsync(controller))
        {
            await Assert.ThrowsAsync<ObjectDisposedException>(() => site.MigrateAsync(fleet));
        }

        Assert.Equal([VMWhereabouts.MigrationPaused, VMWhereabouts.Running], (await site.PlacesAsync()).Take(2));
        Assert.True(Assert.Single(await site.RepairAsync()).IsRepaired);
        Assert.Equal("kvm02", await site.AssertOneCopyAsync("repaired"));
    }

    [Fact]
    public async Task A_silent_target_does_not_keep_the_VM_paused_when_it_is_taken_back()
    {
        await using var site = await Site.OpenAsync();
        var silent = new TaskCompletionSource();
        var isBack = new TaskCompletionSource();
        var controller = new Controller
        {
            Turn = (host, call) => (host, call) is ("kvm03", "abandon") ? silent.Task : Task.CompletedTask,
            Effect = async (host, call, act) =>
            {
                await act();
                if (call is "perform")
                {
                    throw Definite(host);
                }

                if (call is "take back")
                {
                    isBack.SetResult();
                }
            },
        };
        await using var fleet = await site.StartAsync(controller);
        var moving = site.MigrateAsync(fleet);

        // Were it to wait for the silent one, this would not come.
        await isBack.Task;
        Assert.False(moving.IsCompleted);
        silent.SetResult();
        await Assert.ThrowsAsync<SpeculationFailedException>(() => moving);
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("taken back"));
    }

    private static Func<string, string, Func<Task>, Task> Later(Site site, string host, string call, double afterSec)
    {
        var isFirst = true;
        return async (where, what, act) =>
        {
            if ((where, what, isFirst) != (host, call, true))
            {
                await act();
                return;
            }

            isFirst = false;
            _ = EffectAsync();
            throw Unknown(host);

            async Task EffectAsync()
            {
                await Task.Delay(TimeSpan.FromSeconds(afterSec + 1), site.Time);
                await Task.WhenAny(act());
            }
        };
    }

    /// <summary>On kvm02, right after it was started.</summary>
    private static Func<string, string, bool, HypervisorException?> Becomes(Site site, string step, PowerState state, bool isAnswered)
    {
        var isFirst = true;
        return (host, call, isDone) =>
        {
            if ((host, call, isDone, isFirst) != ("kvm02", step, true, true))
            {
                return null;
            }

            isFirst = false;
            site.Happen(2, state);
            return isAnswered ? null : Unknown(host);
        };
    }
}
