using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.Tests.Journal;
using Kumoi.Tests.Speculation;
using Kumoi.Tests.Workloads.RollingUpgrades;
using Kumoi.Workloads;
using Kumoi.Workloads.Maintenance;
using Kumoi.Workloads.RollingUpgrades;
using Kumoi.Workloads.Usage;
using Xunit;

namespace Kumoi.Tests.Workloads;

/// <summary>Two sessions do the same at once: what one has read, the other has changed by the time that it writes.</summary>
public sealed class TwoSessionsTests : JournalTest
{
    [Fact]
    public async Task Another_session_that_begins_the_same_rolling_upgrade_meanwhile_has_it()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var fleet = await site.StartAsync();
        using var other = await OtherProcess.StartAsync(this);
        var rollingUpgrade = await OpenAsync(site, fleet, site.Options());

        await BeginAsAsync(site, fleet, "patches", other.Owner);

        var refused = await Assert.ThrowsAsync<HypervisorException>(() => rollingUpgrade.UpdateAsync(fleet.Hosts[0], default));
        Assert.Equal(HypervisorError.InvalidState, refused.Error);
        Assert.Contains($"{other.Owner}", refused.Message, StringComparison.Ordinal);
        await rollingUpgrade.EndAsync();
        Assert.Empty(site.Upgraded);
        Assert.Empty(await site.InMaintenanceAsync());

        // Nor is the other's claim let go by the one that has not got it.
        await Assert.ThrowsAsync<HypervisorException>(() => OpenAsync(site, fleet, site.Options()));
        other.End();
        Assert.All(await site.UpgradeAsync(fleet, site.Options()), update => Assert.Equal(HostUpdateState.Updated, update.State));
    }

    [Fact]
    public async Task A_host_is_not_upgraded_by_two_rolling_upgrades_at_once_under_any_name()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var fleet = await site.StartAsync();
        using var other = await OtherProcess.StartAsync(this);
        await BeginAsAsync(site, fleet, "firmware", other.Owner, fleet.Hosts[1]);

        var refused = await Assert.ThrowsAsync<HypervisorException>(() => OpenAsync(site, fleet, site.Options()));
        Assert.Contains("firmware", refused.Message, StringComparison.Ordinal);

        // The hosts that it has not, or has done, are free.
        var rest = await RollingUpgrade.OpenAsync(
            fleet, [fleet.Hosts[0], fleet.Hosts[2]], site.Options(), new WorkloadOptions(), site.Time, default);
        Assert.Equal(HostUpdateState.Updated, (await rest.UpdateAsync(fleet.Hosts[0], default)).Update.State);
        await rest.EndAsync();
        await TellAsync(site, "firmware", RollingUpgradeStep.Done, fleet.Hosts[1].Identity);
        Assert.All(await site.UpgradeAsync(fleet, site.Options()), update => Assert.Equal(HostUpdateState.Updated, update.State));
    }

    [Fact]
    public async Task Two_rolling_upgrades_of_this_process_do_not_share_a_host_either()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var fleet = await site.StartAsync();
        HypervisorException? refused = null;
        var options = site.Options();
        await site.UpgradeAsync(fleet, options with
        {
            Name = "firmware",
            Script = async (host, token) =>
            {
                refused ??= await Assert.ThrowsAsync<HypervisorException>(() => site.UpgradeAsync(fleet, options));
                return await options.Script(host, token);
            },
        });
        Assert.Equal(HypervisorError.InvalidState, refused!.Error);
        Assert.Equal(3, site.Upgraded.Count);
    }

    [Fact]
    public async Task A_session_of_which_nobody_can_tell_counts_as_one_that_runs_until_somebody_says_otherwise()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var fleet = await site.StartAsync();
        var elsewhere = OperationOwner.Current with { Machine = "elsewhere", Start = null };
        await BeginAsAsync(site, fleet, "patches", elsewhere);

        var refused = await Assert.ThrowsAsync<HypervisorException>(() => OpenAsync(site, fleet, site.Options()));
        Assert.Contains("-Force", refused.RecommendedAction, StringComparison.Ordinal);
        Assert.All(
            await site.UpgradeAsync(fleet, site.Options() with { IsOwnerKnownDead = true }),
                update => Assert.Equal(HostUpdateState.Updated, update.State));
    }

    [Fact]
    public async Task A_session_whose_rolling_upgrade_was_taken_over_does_nothing_more()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var fleet = await site.StartAsync();
        var options = site.Options();
        var results = await site.UpgradeAsync(fleet, options with
        {
            Script = async (host, token) =>
            {
                await BeginAsAsync(site, fleet, "patches", OperationOwner.Current with { Machine = "elsewhere", Start = null });
                return await options.Script(host, token);
            },
        });
        Assert.Contains("taken over", Assert.Single(results).Error, StringComparison.Ordinal);
        var events = (await EventsAsync(site.Journal, new EventQuery { Kinds = [KumoiEventKind.RollingUpgrade] }))
            .ConvertAll(happened => happened.Message);
        Assert.Equal("begun elsewhere", events[^1]);
    }

    [Fact]
    public async Task Of_two_sessions_that_put_a_host_into_maintenance_one_has_done_it()
    {
        await using var site = await UpgradeSite.OpenAsync();
        await using var one = await site.StartAsync(journal: site.Journal);
        await using var other = await site.StartAsync(journal: site.Journal);
        await HostMaintenance.SuspendAsync(one.Hosts[1], null, default);
        var others = false;
        site.Journal.EventRead = () =>
        {
            // While the one looks, and sees nothing yet, the other does it: all of it, at once.
            site.Journal.EventRead = null;
            others = HostMaintenance.SuspendAsync(other.Hosts[0], "patches", default).GetAwaiter().GetResult();
        };

        Assert.False(await HostMaintenance.SuspendAsync(one.Hosts[0], null, default));
        Assert.True(others);
        Assert.Equal("patches", (await MaintenanceStay.ReadAsync(one.Hosts[0], default))!.RollingUpgrade);
    }

    [Fact]
    public async Task What_two_sessions_go_on_to_account_is_accounted_once()
    {
        var journal = new MemoryJournal();
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=2&running=2&seed=3", () => journal);
        lab.Time.Advance(TimeSpan.FromHours(1));
        await CycleAsync(lab, Meter(lab));
        var begin = (await lab.VMsAsync("kvm01")).Concat(await lab.VMsAsync("kvm02")).Sum(vm => vm.CpuTime.TotalSeconds);
        var meters = new[] { Meter(lab), Meter(lab) };
        lab.Time.Advance(TimeSpan.FromSeconds(60));
        await ContinueAsync(lab, meters[0], journal);
        lab.Time.Advance(TimeSpan.FromSeconds(30));
        await ContinueAsync(lab, meters[1], journal);
        var told = new List<KumoiUsage>();

        // The one that has read earlier writes later.
        for (var i = 0; i < 3; i++)
        {
            told.AddRange(await CycleAsync(lab, meters[1]));
            told.AddRange(await CycleAsync(lab, meters[0]));
            lab.Time.Advance(TimeSpan.FromSeconds(30));
        }

        var end = (await lab.VMsAsync("kvm01")).Concat(await lab.VMsAsync("kvm02")).Sum(vm => vm.CpuTime.TotalSeconds);
        told.AddRange(await CycleAsync(lab, meters[0]));
        Assert.Equal(end - begin, told.Sum(usage => usage.CpuSec), 3);
        foreach (var vm in told.GroupBy(usage => usage.VMId))
        {
            var intervals = vm.Where(usage => usage.To > usage.From).OrderBy(usage => usage.From).ToList();
            Assert.All(intervals.Zip(intervals.Skip(1)), pair => Assert.True(pair.First.To <= pair.Second.From));
        }
    }

    [Fact]
    public async Task To_go_on_no_more_is_read_than_the_latest_of_each_host()
    {
        var journal = new MemoryJournal();
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=4&vms=2&seed=3", () => journal);
        var meter = Meter(lab);
        for (var i = 0; i < 100; i++)
        {
            lab.Time.Advance(TimeSpan.FromSeconds(60));
            await CycleAsync(lab, meter);
        }

        var read = 0;
        journal.EventRead = () => read++;
        await ContinueAsync(lab, Meter(lab), journal);
        Assert.InRange(read, 1, 5);
    }

    [Fact]
    public async Task To_go_on_with_VMs_that_the_latest_accounting_left_out_is_read_until_they_are_found()
    {
        var journal = new MemoryJournal();
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=2&running=2&seed=3", () => journal);
        await CycleAsync(lab, Meter(lab));
        for (var i = 0; i < 10; i++)
        {
            lab.Time.Advance(TimeSpan.FromSeconds(10));
            await CycleAsync(lab, Meter(lab), vm => vm.Name is "kvm01-1" or "kvm02-1");
        }

        var meter = Meter(lab);
        await ContinueAsync(lab, meter, journal);
        Assert.Equal(
            [("kvm01-1", 0.0), ("kvm01-2", 100.0), ("kvm02-1", 0.0), ("kvm02-2", 100.0)],
            (await CycleAsync(lab, meter)).Select(usage => (usage.VM, usage.IntervalSec)));
    }

    private static Task<RollingUpgrade> OpenAsync(UpgradeSite site, Fleet fleet, RollingUpgradeOptions options) =>
        RollingUpgrade.OpenAsync(fleet, fleet.Hosts, options, new WorkloadOptions(), site.Time, default);

    /// <summary>As another session writes it when it begins.</summary>
    private static async Task BeginAsAsync(UpgradeSite site, Fleet fleet, string name, OperationOwner owner, params KumoiConnection[] hosts)
    {
        var data = RollingUpgradeState.DescribeBegin((hosts.Length > 0 ? hosts : fleet.Hosts).Select(host => host.Identity), owner);
        (data["rollOut"], data["step"]) = (name, RollingUpgradeState.Begun);
        await site.Journal.AppendAsync(
            new KumoiEvent
            {
                At = site.Time.GetUtcNow(),
                Kind = KumoiEventKind.RollingUpgrade,
                Message = $"begun {owner.Machine}",
                Data = data.ToJsonString()
            }, default);
    }

    private static async Task TellAsync(
        UpgradeSite site, string name, RollingUpgradeStep step, string host) => await site.Journal.AppendAsync(
        new KumoiEvent
        {
            At = site.Time.GetUtcNow(),
            Kind = KumoiEventKind.RollingUpgrade,
            Message = "told",
            Data = new System.Text.Json.Nodes.JsonObject { ["rollOut"] = name, ["step"] = step.ToString(), ["host"] = host }.ToJsonString(),
        },
        default);

    private static UsageMeter Meter(LabFleet lab) => new(lab.Fleet, new WorkloadOptions(), lab.Time);

    private static Task<bool> ContinueAsync(LabFleet lab, UsageMeter meter, IJournal journal) =>
        meter.ContinueAsync(journal, lab.Fleet.Hosts, all => all, default);

    private static async Task<List<KumoiUsage>> CycleAsync(LabFleet lab, UsageMeter meter, Func<KumoiVM, bool>? isWanted = null)
    {
        var told = new List<KumoiUsage>();
        await foreach (var usages in meter.CycleAsync(lab.Fleet.Hosts, all => isWanted is null ? all : all.Where(isWanted), default))
        {
            told.AddRange(usages);
        }

        return told;
    }

    /// <summary>A real process, as the journal knows it.</summary>
    private sealed class OtherProcess : IDisposable
    {
        private readonly System.Diagnostics.Process _process;

        private OtherProcess(System.Diagnostics.Process process, OperationOwner owner) => (_process, Owner) = (process, owner);

        public OperationOwner Owner { get; }

        public static async Task<OtherProcess> StartAsync(TwoSessionsTests test)
        {
            var process = JournalChild.Start("append", test.Folder);
            await process.StandardOutput.ReadLineAsync(); // ready
            await process.StandardOutput.ReadLineAsync();
            await using var journal = test.Open();
            return new OtherProcess(process, (await OperationsAsync(journal))[0].Owner);
        }

        public void End()
        {
            _process.Kill();
            _process.WaitForExit();
        }

        public void Dispose()
        {
            End();
            _process.Dispose();
        }
    }
}
