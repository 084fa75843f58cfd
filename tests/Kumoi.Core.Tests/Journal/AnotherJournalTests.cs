using Kumoi.Composition;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Simulated;
using Kumoi.Journal;
using Kumoi.Resilience;
using Kumoi.Tests.Speculation;
using Kumoi.Tests.Workloads;
using Kumoi.Tests.Workloads.RollingUpgrades;
using Kumoi.Workloads.Maintenance;
using Xunit;

namespace Kumoi.Tests.Journal;

/// <summary>The journal becomes another one while something is under way: what was begun in one ends there.</summary>
public sealed class AnotherJournalTests : JournalTest
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_outcome_is_written_where_the_operation_was_begun(bool isUnknown)
    {
        await using var before = Open();
        await using var after = new Kumoi.Journal.Sqlite.SqliteJournal(Path.Combine(Folder, "after"), TimeProvider.System);
        var others = Intent("others");
        await after.EndAsync(
            await after.BeginAsync(others, default), others.Id, new OperationOutcome(OperationState.Succeeded, others.StartedAt), default);
        IJournal current = before;
        var controller = new Controller
        {
            Turn = (_, call) =>
            {
                current = call is "define" ? after : current;
                return Task.CompletedTask;
            },
            Fault = (_, call, isDone) =>
                isUnknown && call is "define" && isDone ? new("the answer was lost", FaultDomain.Host, outcomeUnknown: true) : null,
        };
        await using var fleet = await FleetAsync(controller, () => current);

        var define = fleet.Hosts[0].Link.SendAsync(new DefineVM(new VMSpec { Name = "web", MemoryBytes = 1 << 30 }), default).AsTask();
        Assert.Equal(isUnknown, await Record.ExceptionAsync(() => define) is HypervisorException { OutcomeUnknown: true });

        var operation = Assert.Single(await OperationsAsync(before));
        Assert.Equal(("web", isUnknown ? OperationState.Unknown : OperationState.Succeeded), (operation.VM, operation.State));
        Assert.Equal(isUnknown ? 1 : 0, (await EventsAsync(before)).Count);
        Assert.Equal(
            ("others", OperationState.Succeeded), Assert.Single((await OperationsAsync(after)).Select(one => (one.VM, one.State))));
        Assert.Empty(await EventsAsync(after));
    }

    [Fact]
    public async Task What_was_made_and_is_undone_stays_in_one_journal()
    {
        var before = new MemoryJournal();
        var after = new MemoryJournal();
        IJournal current = before;
        var controller = new Controller
        {
            Turn = (_, call) =>
            {
                current = call is "define" ? after : current;
                return Task.CompletedTask;
            },
            Fault = (_, call, isDone) => call is "start" && !isDone ? new("it does not start", FaultDomain.Host) : null,
        };
        await using var fleet = await FleetAsync(controller, () => current);
        await Assert.ThrowsAsync<HypervisorException>(() => VMActions.CreateAsync(
            fleet.Hosts[0], new VMSpec { Name = "web", MemoryBytes = 1 << 30 }, start: true, keepFailed: false, OperationId.New(),
            default));
        Assert.Equal(
            [(OperationKind.Define, OperationState.Succeeded), (OperationKind.Start, OperationState.Failed),
                (OperationKind.UndoDefine, OperationState.Succeeded)],
            (await OperationsAsync(before)).Select(operation => (operation.Kind, operation.State)));
        Assert.Empty(await OperationsAsync(after));
    }

    [Fact]
    public async Task The_steps_of_a_speculative_migration_stay_with_its_plan()
    {
        await using var site = await Site.OpenAsync();
        var after = new MemoryJournal();
        IJournal current = site.Journal;
        var controller = new Controller
        {
            Turn = (_, call) =>
            {
                current = call is "perform" ? after : current;
                return Task.CompletedTask;
            },
        };
        await using var fleet = await site.StartAsync(controller, () => current);
        await site.MigrateAsync(fleet);
        Assert.Same(after, current);
        Assert.Equal(OperationState.Succeeded,
            Assert.Single(await OperationsAsync(site.Journal), one => one.Kind is OperationKind.SpeculativeMigrate).State);
        Assert.NotEmpty(await EventsAsync(site.Journal));
        Assert.Empty(await EventsAsync(after));
        Assert.DoesNotContain(await OperationsAsync(after), one => one.Kind is OperationKind.SpeculativeMigrate);
    }

    [Fact]
    public async Task A_rolling_upgrade_stays_where_it_was_begun_whatever_its_script_sets()
    {
        await using var site = await UpgradeSite.OpenAsync();
        var after = new MemoryJournal();
        IJournal current = site.Journal;
        await using var fleet = await site.StartAsync(open: () => current);
        var options = site.Options(returnVMs: true);
        var results = await site.UpgradeAsync(fleet, options with
        {
            Script = (host, token) =>
            {
                current = after;
                return options.Script(host, token);
            },
        });
        Assert.All(results, result => Assert.Equal(HostUpdateState.Updated, result.State));
        Assert.Empty(await site.InMaintenanceAsync());
        Assert.Empty(await EventsAsync(after));
        Assert.Empty(await OperationsAsync(after));
        Assert.All(await OperationsAsync(site.Journal), operation => Assert.Equal(OperationState.Succeeded, operation.State));
    }

    [Fact]
    public async Task Marks_of_another_journal_do_not_count_from_the_moment_that_it_is_another()
    {
        var before = new MemoryJournal();
        var after = new MemoryJournal();
        IJournal current = before;
        await using var fleet = await FleetAsync(new Controller(), () => current);
        await HostMaintenance.SuspendAsync(fleet.Hosts[0], null, default);
        current = after;
        await fleet.Hosts[0].Link.SendAsync(new DefineVM(new VMSpec { Name = "web", MemoryBytes = 1 << 30 }), default);
        current = before;
        await Assert.ThrowsAsync<HypervisorException>(
            () => fleet.Hosts[0].Link.SendAsync(new DefineVM(new VMSpec { Name = "db", MemoryBytes = 1 << 30 }), default).AsTask());
    }

    private static async Task<Fleet> FleetAsync(Controller controller, Func<IJournal> open)
    {
        var time = new ManualTime();
        time.Advance(TimeSpan.FromMinutes(1));
        var fleet = KumoiFleet.Create(
            [new ControlledDriver(new SimulatedDriver(time), controller)], new PollyCallPolicyFactory(time),
            new FaultPlan(new Random(1), time), time, open);
        await foreach (var outcome in fleet.ConnectAsync([new ConnectRequest("sim://lab?hosts=1&vms=0&seed=7", null, [])], default))
        {
            _ = outcome.Result;
        }

        return fleet;
    }
}
