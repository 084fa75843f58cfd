using Kumoi.Fleets;
using Kumoi.Fleets.Maintenance;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Lineage;
using Kumoi.Speculation;
using Kumoi.Speculation.Migration;
using Kumoi.Tests.Speculation;
using Kumoi.Tests.Workloads.RollingUpgrades;
using Kumoi.Workloads;
using Kumoi.Workloads.Maintenance;
using Kumoi.Workloads.Placing;
using Xunit;

namespace Kumoi.Tests.Workloads.Maintenance;

public sealed class MaintenanceTests : WorkloadTest
{
    private const string Three = "sim://lab?hosts=3&vms=2&running=1&seed=7";

    public static TheoryData<string> Placements => ["define", "start", "start paused", "migrate", "speculate"];

    [Theory]
    [MemberData(nameof(Placements))]
    public async Task Nothing_brings_a_VM_to_a_host_in_maintenance_and_nothing_is_journaled_for_it(string how)
    {
        var journal = new MemoryJournal();
        await using var lab = await LabFleet.ConnectAsync(Three, () => journal);
        await HostMaintenance.SuspendAsync(lab.Host("kvm01"), null, default);
        var before = await RunningAsync(lab);
        var off = (await lab.VMsAsync("kvm01")).First(vm => vm.State is PowerState.Shutoff);
        var other = (await ReadAsync(lab)).Single(host => host.Name is "kvm02").VMs[0];
        var link = lab.Host("kvm01").Link;
        Func<Task> place = how switch
        {
            "define" => () => link.SendAsync(new DefineVM(new VMSpec { Name = "new", MemoryBytes = 1L << 30 }), default).AsTask(),
            "start" => () => link.SendAsync(new StartVM(off.Id, Paused: false), default).AsTask(),
            "start paused" => () => link.SendAsync(new StartVM(off.Id, Paused: true), default).AsTask(),
            "migrate" => () => VMActions.MoveAsync(other, lab.Host("kvm01"), new MigrationOptions(), null, default),
            _ => async () =>
            {
                var failure = await Assert.ThrowsAsync<SpeculationFailedException>(
                    () => new SpeculativeMigration(other, new SpeculationOptions(), lab.Time).RunAsync([lab.Host("kvm01")], null, default));
                throw failure.InnerException!;
            }
            ,
        };
        var refused = await Assert.ThrowsAsync<HypervisorException>(place);
        Assert.Equal((HypervisorError.InMaintenance, FaultDomain.Host, false, false),
            (refused.Error, refused.FaultDomain, refused.IsTransient, refused.OutcomeUnknown));
        Assert.Contains("Resume-KumoiHost kvm01", refused.RecommendedAction, StringComparison.Ordinal);
        Assert.Equal(before, await RunningAsync(lab));
        await foreach (var operation in journal.ReadOperationsAsync(new Kumoi.Journal.OperationQuery(), default))
        {
            Assert.Equal(OperationKind.SpeculativeMigrate, operation.Kind);
        }
    }

    [Fact]
    public async Task What_a_host_in_maintenance_has_can_be_stopped_removed_and_moved_away()
    {
        await using var lab = await JournaledAsync(Three);
        var host = lab.Host("kvm01");
        var made = OperationId.New();
        await host.Link.SendAsync(new DefineVM(new VMSpec { Name = "new", MemoryBytes = 1L << 30 }) { Operation = made }, default);
        await HostMaintenance.SuspendAsync(host, null, default);
        Assert.True(await host.Link.SendAsync(new UndoDefineVM(made), default));
        var vms = (await ReadAsync(lab)).Single(one => one.Name is "kvm01").VMs;
        var running = vms.Single(vm => vm.State is PowerState.Running);
        await VMActions.SuspendAsync(running, default);
        await VMActions.ResumeAsync(running, default);
        Assert.Equal("kvm02", (await VMActions.MoveAsync(running, lab.Host("kvm02"), new MigrationOptions(), null, default)).VMHost);
        await VMActions.RemoveAsync(vms.Single(vm => vm.State is PowerState.Shutoff), false, false, default);
        Assert.Empty(await lab.VMsAsync("kvm01"));
    }

    [Fact]
    public async Task Other_sessions_respect_it_and_can_end_it()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var one = await site.StartAsync();
        await using var other = await site.StartAsync();
        Assert.False((await FleetReads.ReadHostAsync(other.Hosts[0], default)).IsInMaintenance);
        Assert.True(await HostMaintenance.SuspendAsync(one.Hosts[0], null, default));
        Assert.True((await FleetReads.ReadHostAsync(one.Hosts[0], default)).IsInMaintenance);

        // A fleet is not asked for in the journal host by host.
        site.Time.Advance(MaintenanceMarks.Freshness);
        Assert.True((await FleetReads.ReadHostAsync(other.Hosts[0], default)).IsInMaintenance);
        await Assert.ThrowsAsync<HypervisorException>(
            () => other.Hosts[0].Link.SendAsync(new DefineVM(new VMSpec { Name = "new", MemoryBytes = 1L << 30 }), default).AsTask());
        Assert.False(await HostMaintenance.SuspendAsync(other.Hosts[0], null, default));
        Assert.True(await HostMaintenance.ResumeAsync(other.Hosts[0], default));
        Assert.False(await HostMaintenance.ResumeAsync(one.Hosts[0], default));
        Assert.Empty(await site.InMaintenanceAsync());
    }

    [Fact]
    public async Task A_reading_is_of_its_moment()
    {
        await using var lab = await JournaledAsync(Three);
        await HostMaintenance.SuspendAsync(lab.Host("kvm01"), null, default);
        var before = (await ReadAsync(lab))[0];
        await HostMaintenance.ResumeAsync(lab.Host("kvm01"), default);
        Assert.True(before.IsInMaintenance);
        Assert.True(before.WithOrigin(null).IsInMaintenance);
        Assert.False((await ReadAsync(lab))[0].IsInMaintenance);
    }

    [Fact]
    public async Task A_simulated_host_that_was_made_anew_is_not_in_maintenance()
    {
        var journal = new MemoryJournal();
        await using (var lab = await LabFleet.ConnectAsync(Three, () => journal))
        {
            await HostMaintenance.SuspendAsync(lab.Host("kvm01"), null, default);
        }

        await using var fresh = await LabFleet.ConnectAsync(Three, () => journal);
        Assert.All(await ReadAsync(fresh), host => Assert.False(host.IsInMaintenance));
    }

    [Fact]
    public async Task What_others_have_done_is_seen_all_at_once()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var others = await site.StartAsync(journal: site.Journal);
        await using var fleet = await site.StartAsync(journal: site.Journal);
        await HostMaintenance.SuspendAsync(others.Hosts[0], null, default);
        Assert.Equal((true, false), await LookAsync());
        await HostMaintenance.ResumeAsync(others.Hosts[0], default);
        await HostMaintenance.SuspendAsync(others.Hosts[1], null, default);
        await HostMaintenance.ResumeAsync(others.Hosts[1], default);
        site.Time.Advance(TimeSpan.FromMinutes(1));
        var whileReading = new List<(bool, bool)>();
        site.Journal.EventRead = () => whileReading.Add(Marks());

        Assert.Equal((false, false), await LookAsync());

        Assert.NotEmpty(whileReading);
        Assert.All(whileReading, marks => Assert.Equal((true, false), marks));

        async Task<(bool, bool)> LookAsync()
        {
            await FleetReads.ReadHostAsync(fleet.Hosts[0], default);
            return Marks();
        }

        (bool, bool) Marks() => (IsMarked(fleet.Hosts[0]), IsMarked(fleet.Hosts[1]));

        static bool IsMarked(KumoiConnection host) => host.Maintenance!.IsMarked(host.Identity);
    }

    [Fact]
    public async Task It_is_in_the_file_also_for_a_session_that_begins_later()
    {
        var folder = Directory.CreateTempSubdirectory("kumoi").FullName;
        try
        {
            await using var site = await UpgradeSite.OpenAsync();
            for (var i = 0; i < 2; i++)
            {
                // Another object on the file, as in another process.
                await using var file = new Kumoi.Journal.Sqlite.SqliteJournal(folder, site.Time);
                await using var fleet = await site.StartAsync(journal: file);
                Assert.Equal(i == 0, await HostMaintenance.SuspendAsync(fleet.Hosts[1], null, default));
                Assert.True((await FleetReads.ReadHostAsync(fleet.Hosts[1], default)).IsInMaintenance);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task No_workload_chooses_it()
    {
        await using var lab = await JournaledAsync("sim://lab?hosts=7&vms=1&running=1&seed=3");
        await HostMaintenance.SuspendAsync(lab.Host("kvm01"), null, default);
        var hosts = await ReadAsync(lab);
        Assert.DoesNotContain(
            "kvm01", Placement.Find(hosts, new PlacementRequest(1, 1, Loose), Placement.RankOf(default)).Select(host => host.Name));
        var steps = await RunAsync(new Compaction(lab.Fleet, lab.Fleet.Hosts, Loose, new WorkloadOptions()) { Time = lab.Time });
        Assert.All(steps, step => Assert.Equal("kvm02", step.Target));
        Assert.All(steps, step => Assert.Empty(step.Substitutions));
    }

    [Fact]
    public async Task A_lineage_takes_the_next_host_for_it()
    {
        await using var lab = await JournaledAsync("sim://lab?hosts=4&vms=1&running=1&seed=3");
        await HostMaintenance.SuspendAsync(lab.Host("kvm01"), null, default);
        await HostMaintenance.SuspendAsync(lab.Host("kvm03"), null, default);
        var made = await (await ReadAsync(lab)).AsLineage().Take(2)
            .Select(async (host, token) => await VMActions.CreateAsync(
                host.Connection, new VMSpec { Name = $"new-{host.Name}", MemoryBytes = 1L << 30 }, start: true, keepFailed: false,
                OperationId.New(), token))
            .EvaluateAsync(new LineageOptions(), default);
        Assert.Equal(["kvm02", "kvm04"], made.Items.Select(vm => vm.VMHost).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task An_evacuation_moves_what_runs_the_largest_first_each_to_the_least_loaded_host()
    {
        await using var lab = await JournaledAsync("sim://lab?hosts=4&vms=4&running=3&seed=7");
        var before = (await ReadAsync(lab)).Single(host => host.Name is "kvm02");
        var least = (await ReadAsync(lab)).Where(host => host.Name is not "kvm02").MinBy(host => host.CpuRatio)!;
        var outcomes = await Evacuation(lab, "kvm02").RunAsync(null, default);
        Assert.Equal(
            before.VMs.Where(vm => vm.State is PowerState.Running).OrderByDescending(vm => vm.MemoryBytes)
                .ThenBy(vm => vm.Name, StringComparer.Ordinal).Select(vm => vm.Name),
            outcomes.Select(outcome => outcome.Result.Name));
        Assert.Equal(least.Name, outcomes[0].Result.Target);
        Assert.Equal(["kvm02-4"], (await lab.VMsAsync("kvm02")).Select(vm => vm.Name));
    }

    [Fact]
    public async Task A_VM_that_cannot_leave_does_not_keep_the_others_and_a_dead_host_keeps_nobody()
    {
        await using var lab = await JournaledAsync("sim://lab?hosts=4&vms=3&running=3&seed=7");
        lab.Break("kvm02", FaultOperation.Migrate, FaultDomain.VM, "kvm02-2", "a device blocks migration");
        lab.Break("kvm04", FaultOperation.Any, FaultDomain.Host, message: "no route to host");
        var outcomes = await Evacuation(lab, "kvm02").RunAsync(null, default);
        Assert.Equal("a device blocks migration", Assert.Single(outcomes, outcome => !outcome.Succeeded).Error!.Message);
        Assert.All(outcomes.Where(outcome => outcome.Succeeded), outcome => Assert.NotEqual("kvm04", outcome.Result.Target));
        Assert.Equal(["kvm02-2"], (await lab.VMsAsync("kvm02")).Select(vm => vm.Name));

        lab.Break("kvm02", FaultOperation.Read, FaultDomain.Host, message: "connection refused");
        Assert.Equal("connection refused",
            (await Assert.ThrowsAsync<HypervisorException>(() => Evacuation(lab, "kvm02").RunAsync(null, default))).Message);
    }

    [Fact]
    public async Task A_VM_without_room_elsewhere_stays_and_is_told()
    {
        await using var lab = await JournaledAsync("sim://lab?hosts=2&vms=2&running=2&seed=7");
        var full = new PlacementLimits(1, 64L << 30);
        var evacuation =
            new Evacuation(lab.Fleet, lab.Host("kvm01"), lab.Fleet.Hosts, tier: null, full, new WorkloadOptions()) { Time = lab.Time };
        var outcomes = await evacuation.RunAsync(null, default);
        Assert.Equal(2, outcomes.Count);
        Assert.All(outcomes, outcome => Assert.Equal(HypervisorError.ResourceUnavailable, ((HypervisorException)outcome.Error!).Error));
        Assert.Equal(2, (await RunningAsync(lab))["kvm01"].Length);
    }

    [Fact]
    public async Task Several_targets_at_once_leave_one_copy()
    {
        await using var lab = await JournaledAsync("sim://lab?hosts=4&vms=2&running=2&seed=7");
        var race = new Evacuation(lab.Fleet, lab.Host("kvm01"), lab.Fleet.Hosts, tier: null, Loose, new WorkloadOptions { Replicas = 2 })
        {
            Time = lab.Time
        };
        Assert.All(await race.RunAsync(null, default), outcome => Assert.True(outcome.Succeeded));
        var running = await RunningAsync(lab);
        Assert.Empty(running["kvm01"]);
        Assert.Equal(8, running.Values.SelectMany(vms => vms).Distinct(StringComparer.Ordinal).Count());
        Assert.Equal(8, running.Values.Sum(vms => vms.Length));
    }

    [Fact]
    public async Task What_was_moved_away_comes_back_unless_it_was_moved_on_or_does_not_run()
    {
        await using var lab = await JournaledAsync("sim://lab?hosts=4&vms=4&running=4&seed=7");
        var host = lab.Host("kvm01");
        await HostMaintenance.SuspendAsync(host, null, default);
        var moved = (await Evacuation(lab, "kvm01").RunAsync(null, default))
            .ToDictionary(outcome => outcome.Result.Name, outcome => outcome.Result.VM!, StringComparer.Ordinal);
        var on = moved["kvm01-1"];
        await VMActions.MoveAsync(
            on, lab.Fleet.Hosts.First(other => other.Name != on.VMHost && other != host), new MigrationOptions(), null, default);
        await VMActions.StopAsync(moved["kvm01-2"], turnOff: true, TimeSpan.Zero, lab.Time, default);
        await HostMaintenance.ResumeAsync(host, default);

        var stay = await MaintenanceStay.ReadAsync(host, default);
        await ReturnAsync(lab, host, stay!);
        Assert.Equal(["kvm01-3", "kvm01-4"], (await RunningAsync(lab))["kvm01"]);

        // They are back: a later return moves nothing, although they may have been moved to the same host again.
        await VMActions.MoveAsync(
            (await ReadAsync(lab))[0].VMs.Single(vm => vm.Name is "kvm01-3"), moved["kvm01-3"].Connection, new MigrationOptions(), null,
            default);
        await ReturnAsync(lab, host, (await MaintenanceStay.ReadAsync(host, default))!);
        Assert.Equal(["kvm01-4"], (await RunningAsync(lab))["kvm01"]);
    }

    [Fact]
    public async Task A_VM_whose_arrival_was_not_written_any_more_comes_back_too()
    {
        await using var site = await UpgradeSite.OpenAsync();
        for (var moment = 1; ; moment++)
        {
            var controller = new Controller { DiesAt = moment };
            await using (var dying = await site.StartAsync(controller))
            {
                try
                {
                    await HostMaintenance.SuspendAsync(dying.Hosts[0], null, default);
                    await new Evacuation(dying, dying.Hosts[0], dying.Hosts, tier: null, Loose, new WorkloadOptions()) { Time = site.Time }
                        .RunAsync(null, default);
                }
                catch (ControllerDiedException)
                {
                    // Then its connections close.
                }
            }

            await using var fleet = await site.StartAsync();
            await HostMaintenance.ResumeAsync(fleet.Hosts[0], default);
            if (await MaintenanceStay.ReadAsync(fleet.Hosts[0], default) is { } stay)
            {
                await new VMReturn(fleet, fleet.Hosts[0], fleet.Hosts, stay, Loose, new WorkloadOptions()) { Time = site.Time }
                    .RunAsync(null, default);
            }

            Assert.Equal(["kvm01-1", "kvm01-2"], (await site.RunningAsync())["kvm01"]);
            await site.AssertNoVMIsLostAsync($"killed at moment {moment}");
            if (!controller.IsDead)
            {
                break;
            }
        }
    }

    [Fact]
    public async Task Without_a_journal_there_is_no_maintenance()
    {
        await using var lab = await LabFleet.ConnectAsync(Three);
        Assert.Equal(
            HypervisorError.NotSupported,
            (await Assert.ThrowsAsync<HypervisorException>(() => HostMaintenance.SuspendAsync(lab.Host("kvm01"), null, default))).Error);
    }

    private static Task<LabFleet> JournaledAsync(string uri)
    {
        var journal = new MemoryJournal();
        return LabFleet.ConnectAsync(uri, () => journal);
    }

    private static Evacuation Evacuation(LabFleet lab, string host) =>
        new(lab.Fleet, lab.Host(host), lab.Fleet.Hosts, tier: null, Loose, new WorkloadOptions()) { Time = lab.Time };

    private static Task<IReadOnlyList<Outcome<KumoiPlanStep, KumoiPlanStep>>> ReturnAsync(
        LabFleet lab, KumoiConnection host, MaintenanceStay stay) =>
        new VMReturn(lab.Fleet, host, lab.Fleet.Hosts, stay, Loose, new WorkloadOptions()) { Time = lab.Time }.RunAsync(null, default);
}
