using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Speculation;
using Xunit;

namespace Kumoi.Tests.Speculation.Repair;

/// <summary>
/// What others have done with the VM since the controller died is not undone, and the copy that ran last is never the one that goes.
/// </summary>
public sealed class MigrationRepairTests
{
    [Theory]
    [InlineData("shut down", VMWhereabouts.Off)]
    [InlineData("suspend", VMWhereabouts.Paused)]
    [InlineData("crash", VMWhereabouts.Off)]
    [InlineData("save", VMWhereabouts.Off)]
    [InlineData("", VMWhereabouts.Running)]
    public async Task A_VM_that_has_come_back_since_it_moved_stays_as_it_is(string act, VMWhereabouts expected)
    {
        await using var site = await DieAsync("journal", "end", isDone: false);
        Assert.Equal([VMWhereabouts.Absent, VMWhereabouts.Running, VMWhereabouts.Absent], await site.PlacesAsync());
        await Operators.ActAsync(site, "migrate back", 2);
        await Operators.ActAsync(site, act, 1);

        Assert.True(Assert.Single(await site.RepairAsync()).IsRepaired);
        Assert.Equal("kvm01", await site.AssertOneCopyAsync("it had come back", expected));
        Assert.DoesNotContain(await site.UnfinishedAsync(), operation => operation.Kind is OperationKind.SpeculativeMigrate);
    }

    [Fact]
    public async Task A_VM_that_has_come_back_with_the_winners_mark_stays()
    {
        await using var site = await DieAsync("kvm02", "resume", isDone: true, new SpeculationOptions { IsStrict = true });
        Assert.NotNull((await site.MarksAsync())[1]);
        await Operators.ActAsync(site, "migrate back", 2);
        await Operators.ActAsync(site, "shut down", 1);

        Assert.True(Assert.Single(await site.RepairAsync()).IsRepaired);
        await site.AssertOneCopyAsync("it had come back", VMWhereabouts.Off);
        await site.AssertNoMarksAsync("it had come back");
    }

    [Fact]
    public async Task A_VM_that_has_gone_on_to_another_candidate_is_no_leftover_there()
    {
        await using var site = await DieAsync("kvm02", "resume", isDone: true, new SpeculationOptions { IsStrict = true });
        await Operators.ActAsync(site, "migrate", 2);
        await Operators.ActAsync(site, "shut down", 3);
        Assert.Equal([VMWhereabouts.Absent, VMWhereabouts.Absent, VMWhereabouts.Off], await site.PlacesAsync());

        await site.RepairAsync();
        Assert.Equal([VMWhereabouts.Absent, VMWhereabouts.Absent, VMWhereabouts.Off], await site.PlacesAsync());
    }

    [Theory]
    [InlineData("suspend", VMWhereabouts.Paused)]
    [InlineData("shut down", VMWhereabouts.Off)]
    [InlineData("crash", VMWhereabouts.Off)]
    [InlineData("save", VMWhereabouts.Off)]
    public async Task Where_the_named_target_has_the_VM_in_whatever_state_that_is_the_VM(string act, VMWhereabouts expected)
    {
        // The starting step took effect, and nobody has written that down.
        await using var site = await DieAsync("kvm02", "finish", isDone: true);
        await Operators.ActAsync(site, act, 2);

        var result = Assert.Single(await site.RepairAsync());
        Assert.Equal((true, "kvm02"), (result.IsRepaired, result.VMHost));
        Assert.Equal("kvm02", await site.AssertOneCopyAsync(act, expected));
        await site.AssertNoMarksAsync(act);
    }

    [Fact]
    public async Task A_VM_that_was_started_on_the_named_target_and_has_gone_on_to_a_third_host_is_not_started_at_its_source()
    {
        await using var site = await DieAsync("kvm02", "finish", isDone: true, hosts: 4, candidates: 2);
        await Operators.ActAsync(site, "migrate", 2);
        Assert.Equal(
            [VMWhereabouts.MigrationPaused, VMWhereabouts.Absent, VMWhereabouts.Absent, VMWhereabouts.Running], await site.PlacesAsync());

        var result = Assert.Single(await site.RepairAsync());
        Assert.False(result.IsRepaired);
        Assert.Contains("kvm04", result.Message, StringComparison.Ordinal);
        Assert.Equal(
            [VMWhereabouts.MigrationPaused, VMWhereabouts.Absent, VMWhereabouts.Absent, VMWhereabouts.Running], await site.PlacesAsync());
    }

    [Fact]
    public async Task What_is_left_at_the_source_when_the_winner_has_lost_the_VM_is_neither_let_run_nor_removed()
    {
        await using var site = await DieAsync("kvm01", "confirm", isDone: false);
        await Operators.ActAsync(site, "undefine", 2);

        var result = Assert.Single(await site.RepairAsync());
        Assert.False(result.IsRepaired);
        Assert.Equal([VMWhereabouts.MigrationPaused, VMWhereabouts.Absent, VMWhereabouts.Absent], await site.PlacesAsync());

        // Whatever the admin decides, the operation ends then.
        await Operators.ActAsync(site, "resume", 1);
        Assert.True(Assert.Single(await site.RepairAsync()).IsRepaired);
        Assert.Equal([VMWhereabouts.Running, VMWhereabouts.Absent, VMWhereabouts.Absent], await site.PlacesAsync());
    }

    [Fact]
    public async Task A_saved_memory_at_the_source_is_not_removed()
    {
        await using var site = await DieAsync("kvm01", "confirm", isDone: false);
        await Operators.ActAsync(site, "resume", 1);
        await Operators.ActAsync(site, "save", 1);

        Assert.False(Assert.Single(await site.RepairAsync()).IsRepaired);
        Assert.Equal([VMWhereabouts.Off, VMWhereabouts.Running, VMWhereabouts.Absent], await site.PlacesAsync());
    }

    [Fact]
    public async Task A_copy_at_the_source_that_another_migration_holds_is_not_let_run()
    {
        await using var site = await DieAsync("kvm01", "perform", isDone: true);
        var other = (await site.MarksAsync())[0]! with { Operation = OperationId.New() };
        await site.Observe(1).SendAsync(new MarkVM(site.Id, other), default);

        Assert.False(Assert.Single(await site.RepairAsync()).IsRepaired);
        Assert.Equal(VMWhereabouts.MigrationPaused, (await site.PlacesAsync())[0]);
    }

    [Fact]
    public async Task A_VM_that_somebody_had_paused_stays_paused_where_it_was()
    {
        await using var site = await Site.OpenAsync();
        await site.PauseAsync();
        await DieAsync(site, "kvm01", "perform", isDone: true);

        Assert.True(Assert.Single(await site.RepairAsync()).IsRepaired);
        Assert.Equal(PowerState.Paused, (await site.Observe(1).SendAsync(new FindVM(site.Id), default))!.State);
    }

    [Theory]
    [InlineData(VMWhereabouts.Off)]
    [InlineData(VMWhereabouts.Paused)]
    [InlineData(VMWhereabouts.Running)]
    public async Task A_host_that_invents_a_mark_gets_nothing_removed_on_another_host(VMWhereabouts victim)
    {
        foreach (var isStart in new[] { false, true })
        {
            await using var site = await Site.OpenAsync();
            await site.SetAsync(victim);
            await site.InventAsync(2, isStart, VMWhereabouts.Running);

            await site.RepairOrphansAsync(isJournalGone: true);

            var places = await site.PlacesAsync();
            Assert.Equal(victim, places[0]);
        }
    }

    [Fact]
    public async Task Marks_that_contradict_each_other_decide_nothing()
    {
        await using var site = await DieAsync("kvm01", "perform", isDone: true);
        var mark = (await site.MarksAsync())[0]!;
        await site.InventAsync(2, isStart: false, VMWhereabouts.Running, mark with { Candidates = ["kvm02"], Replica = 1 });
        var before = await site.PlacesAsync();

        Assert.All(await site.RepairOrphansAsync(isJournalGone: true), result => Assert.False(result.IsRepaired, result.Message));
        Assert.Equal(before, await site.PlacesAsync());
    }

    /// <summary>
    /// Every moment of the migration at which the controller can die, every act of somebody else on every host, before every step of the
    /// repair.
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Whatever_others_do_between_two_steps_of_the_repair_nothing_of_theirs_is_lost(bool isStrict)
    {
        var walked = 0;
        for (var moment = 1; moment <= 40; moment++)
        {
            foreach (var act in (string[])[.. Operators.Acts, "migrate back"])
            {
                for (var host = 1; host <= 3; host++)
                {
                    for (var step = 0; step <= 12; step++, walked++)
                    {
                        if (!await WalkAsync(isStrict, moment, act, host, step))
                        {
                            break;
                        }
                    }
                }
            }
        }

        Assert.True(walked > 5_000, $"{walked} walks");
    }

    /// <summary>Whether the repair had as many steps.</summary>
    private static async Task<bool> WalkAsync(bool isStrict, int moment, string act, int host, int step)
    {
        await using var site = await Site.OpenAsync(4);
        await DieAsync(
            site, new Controller { DiesAt = moment }, new SpeculationOptions { Replicas = 2, IsStrict = isStrict }, candidates: 2);
        var because = $"{(isStrict ? "strict, " : "")}death at {moment}, {act} on kvm0{host} before step {step}, "
            + $"{string.Join(", ", await site.PlacesAsync())}";
        IReadOnlyList<VMWhereabouts> before = [];
        IReadOnlyList<SpeculationMark?> marks = [];
        IReadOnlyList<int> newest = [];
        var (rolledBack, calls, wasStarted) = (0, 0, false);
        async Task ActAsync()
        {
            wasStarted = host > 1 && (await site.PlacesAsync())[host - 1] is VMWhereabouts.Running or VMWhereabouts.Paused;
            await Operators.ActAsync(site, act, host);
            (before, marks, newest, rolledBack) = (await site.PlacesAsync(), await site.MarksAsync(), site.Newest(), site.RolledBack);
        }

        if (step == 0)
        {
            await ActAsync();
        }

        var repairing = new Controller { Turn = (_, _) => ++calls == step ? ActAsync() : Task.CompletedTask };
        try
        {
            await site.RepairAsync(repairing);
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

        // Who removes the VM from its host while it is repaired has removed it: what another host still held is from before.
        var isRemoved = act is "undefine" && wasStarted;
        Assert.True((isRemoved && step > 0) || newest.Count == 0 || newest.Any(copy => after[copy - 1] is not VMWhereabouts.Absent), found);
        for (var i = 0; i < before.Count; i++)
        {
            Assert.True(before[i] is VMWhereabouts.Absent || marks[i] is not null
                || after[i] is not VMWhereabouts.Absent, $"{found}: what was not the operation's was removed");
        }

        // Where nobody had written down that it was started, that leaves no trace.
        Assert.True(isRemoved || site.RolledBack == rolledBack, $"{found}: the guest went back");
        return true;
    }

    private static async Task<Site> DieAsync(
        string host, string call, bool isDone, SpeculationOptions? options = null, int hosts = 3, int candidates = 2)
    {
        var site = await Site.OpenAsync(hosts);
        await DieAsync(site, host, call, isDone, options, candidates);
        return site;
    }

    /// <summary>The controller dies at that call, before or after its effect.</summary>
    private static Task DieAsync(Site site, string host, string call, bool isDone, SpeculationOptions? options = null, int candidates = 2)
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
        return DieAsync(site, controller, options ?? new SpeculationOptions { Replicas = 2 }, candidates);
    }

    private static async Task DieAsync(Site site, Controller controller, SpeculationOptions options, int candidates)
    {
        await using var fleet = await site.StartAsync(controller);
        try
        {
            await site.MigrateAsync(fleet, options, candidates: candidates);
        }
        catch (ControllerDiedException)
        {
            // That is what this is about.
        }

        controller.Die();
    }
}
