using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Speculation;
using Xunit;

namespace Kumoi.Tests.Speculation.Repair;

/// <summary>What is left of a start on one of several hosts goes; the VM, and what others have done with it since, stays.</summary>
public sealed class SpeculativeStartRepairTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_start_at_home_that_was_not_answered_and_takes_effect_later_is_found_and_ended(bool isCancelled)
    {
        await using var site = await Site.OpenAsync();
        await site.TurnOffAsync(hasHome: true);
        using var stop = new CancellationTokenSource();
        var controller = new Controller
        {
            Effect = async (host, call, act) =>
            {
                if ((host, call) is not ("kvm01", "start"))
                {
                    await act();
                    return;
                }

                if (isCancelled)
                {
                    await stop.CancelAsync();
                    stop.Token.ThrowIfCancellationRequested();
                }

                throw new HypervisorException("no answer", FaultDomain.Host, outcomeUnknown: true, error: HypervisorError.TimedOut);
            },
        };
        await using (var fleet = await site.StartAsync(controller))
        {
            var failure = await Record.ExceptionAsync(() => site.PowerOnAsync(fleet, hasHome: true, [1], cancellationToken: stop.Token));
            Assert.Equal(isCancelled, failure is OperationCanceledException);
            await site.Observe(1).SendAsync(new StartVM(site.Id, Paused: true), default); // the effect, of a daemon that was slow
        }

        Assert.Equal(VMWhereabouts.Paused, (await site.PlacesAsync())[0]);
        Assert.Contains(await site.UnfinishedAsync(), operation => operation.Kind is OperationKind.SpeculativeStart);
        Assert.NotNull((await site.MarksAsync())[0]);

        Assert.True(Assert.Single(await site.RepairAsync()).IsRepaired);
        await site.AssertOneCopyAsync("repaired", VMWhereabouts.Off);
        await site.AssertNoMarksAsync("repaired");
    }

    [Fact]
    public async Task A_start_at_home_that_was_cancelled_after_it_took_effect_is_ended_at_once()
    {
        await using var site = await Site.OpenAsync();
        await site.TurnOffAsync(hasHome: true);
        using var stop = new CancellationTokenSource();
        var controller = new Controller
        {
            Effect = async (host, call, act) =>
            {
                await act();
                if ((host, call) is ("kvm01", "start"))
                {
                    await stop.CancelAsync();
                    stop.Token.ThrowIfCancellationRequested();
                }
            },
        };
        await using (var fleet = await site.StartAsync(controller))
        {
            await Assert.ThrowsAnyAsync<OperationCanceledException>(
                () => site.PowerOnAsync(fleet, hasHome: true, [1], cancellationToken: stop.Token));
        }

        await site.AssertOneCopyAsync("cancelled", VMWhereabouts.Off);
        await site.AssertNoMarksAsync("cancelled");
        Assert.Empty(await site.UnfinishedAsync());
    }

    /// <summary>It carries the operation that defined it for ever, and goes with it to every host.</summary>
    [Theory]
    [InlineData("shut down", VMWhereabouts.Off)]
    [InlineData("suspend", VMWhereabouts.Paused)]
    public async Task A_VM_that_has_gone_on_to_a_host_that_lost_is_no_leftover_there(string act, VMWhereabouts expected)
    {
        await using var site = await Site.OpenAsync();
        await site.TurnOffAsync(hasHome: false);
        await DieAsync(site, "kvm02", "resume", isDone: true, [2, 3], hasHome: false);
        await Operators.ActAsync(site, "migrate", 2);
        await Operators.ActAsync(site, act, 3);

        await site.RepairAsync();
        Assert.Equal(expected, (await site.PlacesAsync())[2]);
    }

    [Fact]
    public async Task A_home_that_somebody_has_made_anew_is_not_removed()
    {
        await using var site = await Site.OpenAsync();
        await site.TurnOffAsync(hasHome: true);
        await DieAsync(site, "kvm02", "resume", isDone: true, [2, 3], hasHome: true);
        await site.Observe(1).SendAsync(new MarkVM(site.Id, null), default);

        await site.RepairAsync();
        Assert.Equal([VMWhereabouts.Off, VMWhereabouts.Running, VMWhereabouts.Absent], await site.PlacesAsync());
    }

    [Fact]
    public async Task One_host_under_two_names_is_one_host()
    {
        foreach (var hasHome in new[] { false, true })
        {
            await using var site = await Site.OpenAsync();
            await site.TurnOffAsync(hasHome);
            await using var fleet = await site.StartAsync(new Controller());
            await site.ConnectAgainAsync(fleet, 2, "z2");
            await site.ConnectAgainAsync(fleet, 1, "z1");
            var result = await site.PowerOnAsync(fleet, hasHome, [2, 4, 5], new SpeculationOptions { Replicas = 3 });
            await site.AssertOneCopyAsync("started");
            Assert.Equal(2, result.Replicas.Count);
            Assert.Empty(await site.UnfinishedAsync());
        }
    }

    [Fact]
    public async Task A_target_under_two_names_is_one_and_the_source_under_another_name_is_none()
    {
        await using var site = await Site.OpenAsync();
        var controller = new Controller();
        await using var fleet = await site.StartAsync(controller);
        await site.ConnectAgainAsync(fleet, 1, "z1");
        await site.ConnectAgainAsync(fleet, 3, "z3");
        var result = await site.MigrateAsync(fleet, new SpeculationOptions { Replicas = 4 });
        await site.AssertOneCopyAsync("migrated");
        Assert.Equal(["kvm02", "kvm03"], result.Replicas.Select(replica => replica.VMHost).Order(StringComparer.Ordinal));
        Assert.Equal(2, controller.Calls.Count(call => call.StartsWith("prepare", StringComparison.Ordinal)));
    }

    /// <summary>
    /// Every moment at which the controller can die, every act of somebody else on every host, before every step of the repair.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whatever_others_do_between_two_steps_of_the_repair_nothing_of_theirs_is_lost(bool hasHome)
    {
        var walked = 0;
        for (var moment = 2; moment <= 44; moment += 2)
        {
            foreach (var act in (string[])[.. Operators.Acts, "migrate back"])
            {
                for (var host = 1; host <= 3; host++)
                {
                    for (var step = 0; step <= 12; step++, walked++)
                    {
                        if (!await WalkAsync(hasHome, moment, act, host, step))
                        {
                            break;
                        }
                    }
                }
            }
        }

        Assert.True(walked > 2_000, $"{walked} walks");
    }

    private static async Task<bool> WalkAsync(bool hasHome, int moment, string act, int host, int step)
    {
        await using var site = await Site.OpenAsync(4);
        await site.TurnOffAsync(hasHome);
        var dying = new Controller { DiesAt = moment };
        await using (var fleet = await site.StartAsync(dying))
        {
            await Record.ExceptionAsync(() => site.PowerOnAsync(fleet, hasHome, [2, 3]));
            dying.Die();
        }

        var because = $"{(hasHome ? "at home, " : "")}death at {moment}, {act} on kvm0{host} before step {step}, "
            + $"{string.Join(", ", await site.PlacesAsync())}";
        IReadOnlyList<VMWhereabouts> before = [];
        IReadOnlyList<SpeculationMark?> marks = [];
        IReadOnlyList<int> newest = [];
        var (rolledBack, calls, wasRunning) = (0, 0, false);
        async Task ActAsync()
        {
            wasRunning |= (await site.PlacesAsync())[host - 1] is VMWhereabouts.Running;
            await Operators.ActAsync(site, act, host);
            (before, marks, newest, rolledBack) = (await site.PlacesAsync(), await site.MarksAsync(), site.Newest(), site.RolledBack);
            wasRunning |= before[host - 1] is VMWhereabouts.Running;
        }

        if (step == 0)
        {
            await ActAsync();
        }

        try
        {
            await site.RepairAsync(new Controller { Turn = (_, _) => ++calls == step ? ActAsync() : Task.CompletedTask });
        }
        catch (HypervisorException)
        {
            // Somebody else was quicker: it is repaired again later.
        }

        if (before.Count == 0)
        {
            return false;
        }

        var after = await site.PlacesAsync();
        var found = $"{because}: {string.Join(", ", before)} became {string.Join(", ", after)}";
        Assert.True(
            after.Count(place => place is VMWhereabouts.Running) <= Math.Max(1, before.Count(place => place is VMWhereabouts.Running)),
            found);
        for (var i = 0; i < before.Count; i++)
        {
            Assert.True(before[i] is not VMWhereabouts.Running || after[i] is VMWhereabouts.Running, $"{found}: what ran was stopped");
            Assert.True(before[i] is VMWhereabouts.Absent || marks[i] is not null
                || after[i] is not VMWhereabouts.Absent, $"{found}: what was not the operation's was removed");
        }

        // Its home keeps the VM, unless another host has it; and who has removed it there has removed it.
        Assert.True(!hasHome || act is "undefine" || after.Any(place => place is not VMWhereabouts.Absent), $"{found}: it is lost");
        Assert.True(site.RolledBack == rolledBack, $"{found}: the guest went back");
        return true;
    }

    private static async Task DieAsync(Site site, string host, string call, bool isDone, int[] hosts, bool hasHome)
    {
        Controller? controller = null;
        controller = new Controller
        {
            Fault = (where, what, done) =>
            {
                if ((where, what, done) == (host, call, isDone))
                {
                    controller!.Die();
                    throw new ControllerDiedException();
                }

                return null;
            },
        };
        await using var fleet = await site.StartAsync(controller);
        await Assert.ThrowsAsync<ControllerDiedException>(
            () => site.PowerOnAsync(fleet, hasHome, hosts, new SpeculationOptions { Replicas = 1 }));
    }
}
