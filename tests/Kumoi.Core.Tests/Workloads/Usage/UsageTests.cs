using Kumoi.FailureOblivious;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Journal;
using Kumoi.Journal.Sqlite;
using Kumoi.Workloads;
using Kumoi.Workloads.Usage;
using Xunit;

namespace Kumoi.Tests.Workloads.Usage;

public sealed class UsageTests : WorkloadTest, IDisposable
{
    private const string Two = "sim://lab?hosts=2&vms=2&running=1&seed=3";

    private readonly string _folder = Directory.CreateTempSubdirectory("kumoi-usage").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Each_cycle_tells_what_the_running_VMs_used_since_the_cycle_before()
    {
        await using var lab = await LabFleet.ConnectAsync(Two);
        var meter = Meter(lab);
        lab.Time.Advance(TimeSpan.FromHours(1));
        Assert.Empty(await CycleAsync(lab, meter));
        lab.Time.Advance(TimeSpan.FromSeconds(60));
        var usages = await CycleAsync(lab, meter);
        Assert.Equal(["kvm01-1", "kvm02-1"], usages.Select(usage => usage.VM));
        foreach (var usage in usages)
        {
            var vm = (await lab.VMsAsync(usage.VMHost)).Single(vm => vm.Id == usage.VMId);
            Assert.Equal(60, usage.IntervalSec, 3);
            // It has run for 3,660 seconds at the same rates.
            Assert.Equal(vm.CpuTime.TotalSeconds * 60 / 3660, usage.CpuSec, 3);
            Assert.InRange(
                usage.NetworkReceivedBytes, (vm.NetworkReceivedBytes * 60 / 3660) - 1, (vm.NetworkReceivedBytes * 60 / 3660) + 1);
            Assert.True(
                usage is { CpuSec: > 0, DiskReadBytes: > 0, DiskWrittenBytes: > 0, NetworkReceivedBytes: > 0, NetworkSentBytes: > 0 });
        }
    }

    [Fact]
    public async Task What_could_not_be_read_is_accounted_in_the_next_cycle_in_which_it_can()
    {
        await using var lab = await LabFleet.ConnectAsync(Two);
        var meter = Meter(lab, MaskMode.Pessimistic);
        await CycleAsync(lab, meter);
        lab.Break("kvm02", FaultOperation.Read, FaultDomain.Host, message: "Failed to read any block statistics", count: 1);
        lab.Time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(["kvm01-1"], (await CycleAsync(lab, meter)).Select(usage => usage.VM));
        Assert.Equal(["kvm02.Read(): Failed to read any block statistics"], meter.Log.Failures.Select(told => told.Description));
        lab.Time.Advance(TimeSpan.FromSeconds(60));
        Assert.Equal(
            [("kvm01-1", 60.0), ("kvm02-1", 120.0)], (await CycleAsync(lab, meter)).Select(usage => (usage.VM, usage.IntervalSec)));
    }

    [Fact]
    public async Task Without_the_mask_a_host_that_cannot_be_read_is_a_failure_and_nothing_is_accounted()
    {
        await using var lab = await LabFleet.ConnectAsync(Two);
        var meter = Meter(lab);
        await CycleAsync(lab, meter);
        lab.Break("kvm02", FaultOperation.Read, FaultDomain.Host, count: 1);
        lab.Time.Advance(TimeSpan.FromSeconds(60));
        await Assert.ThrowsAsync<HypervisorException>(() => CycleAsync(lab, meter));
        Assert.All(await CycleAsync(lab, meter), usage => Assert.Equal(60.0, usage.IntervalSec));
    }

    [Fact]
    public async Task Counters_that_begin_anew_are_no_negative_usage()
    {
        await using var lab = await LabFleet.ConnectAsync(Two);
        lab.Time.Advance(TimeSpan.FromHours(1));
        var meter = Meter(lab);
        await CycleAsync(lab, meter);
        var vm = (await lab.VMsAsync("kvm01"))[0];
        await lab.Host("kvm01").Link.SendAsync(new DestroyVM(vm.Id), default);
        await lab.Host("kvm01").Link.SendAsync(new StartVM(vm.Id), default);
        lab.Time.Advance(TimeSpan.FromSeconds(30));
        var usage = (await CycleAsync(lab, meter))[0];
        Assert.Equal((await lab.VMsAsync("kvm01"))[0].CpuTime.TotalSeconds, usage.CpuSec, 3);
    }

    [Fact]
    public async Task A_VM_that_came_since_is_accounted_from_its_beginning()
    {
        await using var lab = await LabFleet.ConnectAsync(Two);
        var meter = Meter(lab);
        await CycleAsync(lab, meter);
        lab.Time.Advance(TimeSpan.FromSeconds(30));
        var vm = (await lab.VMsAsync("kvm01"))[1];
        await lab.Host("kvm01").Link.SendAsync(new DefineVM(new VMSpec { Name = "new", MemoryBytes = 1 << 30 }), default);
        var made = (await lab.VMsAsync("kvm01")).Single(other => other.Name is "new");
        await lab.Host("kvm01").Link.SendAsync(new StartVM(made.Id), default);
        lab.Time.Advance(TimeSpan.FromSeconds(30));
        var usage = (await CycleAsync(lab, meter)).Single(usage => usage.VM is "new");
        Assert.Equal(0.05 * 30, usage.CpuSec, 3);
        Assert.NotEqual(vm.Id, usage.VMId);
    }

    [Fact]
    public async Task A_VM_that_nobody_had_asked_for_is_not_taken_for_new()
    {
        await using var journal = new SqliteJournal(_folder, TimeProvider.System);
        await using var lab = await LabFleet.ConnectAsync(Two, () => journal);
        lab.Time.Advance(TimeSpan.FromHours(1));
        await CycleAsync(lab, Meter(lab), vm => vm.Name is "kvm01-1");
        lab.Time.Advance(TimeSpan.FromSeconds(60));
        var meter = Meter(lab);
        await meter.ContinueAsync(journal, lab.Fleet.Hosts, all => all, default);
        Assert.Equal(["kvm01-1"], (await CycleAsync(lab, meter)).Select(usage => usage.VM));
        lab.Time.Advance(TimeSpan.FromSeconds(60));
        Assert.All(await CycleAsync(lab, meter), usage => Assert.Equal(60.0, usage.IntervalSec));
    }

    [Fact]
    public async Task The_journal_has_it_and_another_session_goes_on_from_there()
    {
        await using var journal = new SqliteJournal(_folder, TimeProvider.System);
        await using var lab = await LabFleet.ConnectAsync(Two, () => journal);
        var first = Meter(lab);
        await CycleAsync(lab, first);
        lab.Time.Advance(TimeSpan.FromSeconds(60));
        var told = await CycleAsync(lab, first);

        lab.Time.Advance(TimeSpan.FromSeconds(90));
        var second = Meter(lab);
        Assert.True(await second.ContinueAsync(journal, lab.Fleet.Hosts, all => all, default));
        Assert.Equal(
            [("kvm01-1", 90.0), ("kvm02-1", 90.0)], (await CycleAsync(lab, second)).Select(usage => (usage.VM, usage.IntervalSec)));

        var events = new List<KumoiEvent>();
        await foreach (var happened in journal.ReadEventsAsync(new EventQuery { Kinds = [KumoiEventKind.Usage] }, default))
        {
            events.Add(happened);
        }

        Assert.Equal(["kvm01", "kvm02", "kvm01", "kvm02", "kvm01", "kvm02"], events.Select(happened => happened.VMHost));
        Assert.Contains(told[0].VMId.ToString(), events[2].Data, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Copies_of_one_VM_on_two_hosts_have_counters_of_their_own()
    {
        await using var journal = new SqliteJournal(_folder, TimeProvider.System);
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=0&seed=3", () => journal);
        await MakeAsync(lab, "kvm01");
        lab.Time.Advance(TimeSpan.FromHours(1));
        await MakeAsync(lab, "kvm02");
        var meter = Meter(lab);
        await CycleAsync(lab, meter);
        lab.Time.Advance(TimeSpan.FromSeconds(60));
        var usages = await CycleAsync(lab, meter);
        Assert.Equal([("kvm01", 60.0), ("kvm02", 60.0)], usages.Select(usage => (usage.VMHost, usage.IntervalSec)));
        Assert.Equal(usages[0].CpuSec, usages[1].CpuSec, 3);

        // And so they are in the journal.
        lab.Time.Advance(TimeSpan.FromSeconds(60));
        var second = Meter(lab);
        Assert.True(await second.ContinueAsync(journal, lab.Fleet.Hosts, all => all, default));
        usages = await CycleAsync(lab, second);
        Assert.Equal([60.0, 60.0], usages.Select(usage => usage.IntervalSec));
        Assert.Equal(usages[0].CpuSec, usages[1].CpuSec, 3);
    }

    [Fact]
    public async Task A_VM_that_has_moved_goes_on_from_where_it_was_read_last()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=2&vms=0&seed=3");
        var vm = await MakeAsync(lab, "kvm01");
        var meter = Meter(lab);
        await CycleAsync(lab, meter);
        lab.Time.Advance(TimeSpan.FromSeconds(60));
        await CycleAsync(lab, meter);
        var moving = VMActions.MoveAsync(vm, lab.Host("kvm02"), new MigrationOptions(), progress: null, default);
        while (!moving.IsCompleted)
        {
            lab.Time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }

        await moving;
        lab.Time.Advance(TimeSpan.FromSeconds(60));
        var usage = Assert.Single(await CycleAsync(lab, meter));
        Assert.Equal("kvm02", usage.VMHost);
        Assert.True(usage.IntervalSec >= 60);
        lab.Time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal(30.0, Assert.Single(await CycleAsync(lab, meter)).IntervalSec, 3);
    }

    [Theory]
    [InlineData("=1+1", "'=1+1")]
    [InlineData("+x", "'+x")]
    [InlineData("-web", "'-web")]
    [InlineData("@sum(a)", "'@sum(a)")]
    [InlineData(" =1", "' =1")]
    [InlineData("=a,b", "\"'=a,b\"")]
    [InlineData("web-1", "web-1")]
    public void A_spreadsheet_takes_no_field_of_the_file_for_a_formula(string name, string field)
    {
        var path = Path.Combine(_folder, "formula.csv");
        UsageFile.Append(path,
        [
            new KumoiUsage
            {
                VM = name, VMId = Guid.Empty, VMHost = name, From = default, To = default, MemoryBytes = 1, CpuSec = 0,
                DiskReadBytes = 0, DiskWrittenBytes = 0, NetworkReceivedBytes = 0, NetworkSentBytes = 0,
            },
        ]);
        Assert.Contains($",{field},00000000-0000-0000-0000-000000000000,{field},", File.ReadAllText(path), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_journal_without_accounting_has_nothing_to_go_on_from()
    {
        await using var journal = new SqliteJournal(_folder, TimeProvider.System);
        await using var lab = await LabFleet.ConnectAsync(Two, () => journal);
        Assert.False(await Meter(lab).ContinueAsync(journal, lab.Fleet.Hosts, all => all, default));
    }

    [Fact]
    public void The_file_has_one_header_and_quotes_what_needs_it()
    {
        var path = Path.Combine(_folder, "usage.csv");
        var at = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
        var usage = new KumoiUsage
        {
            VM = "a,\"b\"",
            VMId = Guid.Empty,
            VMHost = "kvm01",
            From = at,
            To = at.AddSeconds(60),
            MemoryBytes = 1024,
            CpuSec = 1.5,
            DiskReadBytes = 1,
            DiskWrittenBytes = 2,
            NetworkReceivedBytes = 3,
            NetworkSentBytes = 4,
        };
        UsageFile.Append(path, [usage]);
        UsageFile.Append(path, [usage]);
        Assert.Equal(
            [
                "From,To,VM,VMId,VMHost,MemoryBytes,CpuSec,DiskReadBytes,DiskWrittenBytes,NetworkReceivedBytes,NetworkSentBytes",
                .. Enumerable.Repeat(
                    "2026-01-02T03:04:05.0000000+00:00,2026-01-02T03:05:05.0000000+00:00,"
                        + "\"a,\"\"b\"\"\",00000000-0000-0000-0000-000000000000,kvm01,1024,1.5,1,2,3,4", 2),
            ],
            File.ReadAllLines(path));
    }

    private static Task<KumoiVM> MakeAsync(LabFleet lab, string host) => VMActions.CreateAsync(
        lab.Host(host), new VMSpec
        {
            Xml = "<domain><name>web</name><uuid>00000000-0000-4000-8000-000000000001</uuid><memory unit='MiB'>64</memory></domain>"
        },
        start: true, keepFailed: false, OperationId.New(), default);

    private static UsageMeter Meter(LabFleet lab, MaskMode? mask = null) => new(lab.Fleet, new WorkloadOptions { Mask = mask }, lab.Time);

    private static async Task<List<KumoiUsage>> CycleAsync(LabFleet lab, UsageMeter meter, Func<KumoiVM, bool>? isWanted = null)
    {
        var told = new List<KumoiUsage>();
        await foreach (var usages in meter.CycleAsync(lab.Fleet.Hosts, all => isWanted is null ? all : all.Where(isWanted), default))
        {
            told.AddRange(usages);
        }

        return told;
    }
}
