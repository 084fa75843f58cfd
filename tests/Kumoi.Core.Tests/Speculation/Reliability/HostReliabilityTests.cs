using Kumoi.Hypervisors;
using Kumoi.Journal;
using Kumoi.Speculation;
using Kumoi.Speculation.Reliability;
using Kumoi.Tests.Journal;
using Xunit;

namespace Kumoi.Tests.Speculation.Reliability;

/// <summary>What the journal's operations say about hosts.</summary>
public sealed class HostReliabilityTests : JournalTest
{
    private static readonly DateTimeOffset Now = new ManualTime().GetUtcNow();
    private readonly MemoryJournal _journal = new();

    [Fact]
    public async Task A_migration_counts_for_its_target_and_a_start_for_its_host()
    {
        await MigrateAsync("kvm2", OperationState.Succeeded, seconds: 8);
        await WriteAsync(OperationKind.Start, "kvm1", null, OperationState.Succeeded, seconds: 2);
        var hosts = (await ReadAsync()).Hosts.ToList();
        Assert.Equal(
            [("kvm1", ReliabilityKind.PowerOn, 1, 2.0), ("kvm2", ReliabilityKind.Migration, 1, 8.0)],
            hosts.Select(host => (host.VMHost, host.Kind, host.Attempts, host.MeanDurationSec!.Value)));
    }

    [Fact]
    public async Task A_host_that_fails_gets_a_worse_estimate_than_one_that_does_not_and_a_better_bound_comes_with_more_successes()
    {
        for (var i = 0; i < 10; i++)
        {
            await MigrateAsync("bad", OperationState.Failed, FaultDomain.Host);
            await MigrateAsync("good", OperationState.Succeeded);
        }

        await MigrateAsync("new", OperationState.Succeeded);
        var reliability = await ReadAsync();
        var hosts = reliability.Hosts.ToDictionary(host => host.VMHost);
        Assert.Equal((10, 10), (hosts["bad"].Attempts, hosts["bad"].Failures));
        Assert.True(hosts["bad"].Success < 0.2 && hosts["good"].Success > 0.9);
        Assert.True(hosts["good"].SuccessLowerBound > hosts["new"].SuccessLowerBound);
        Assert.Equal(hosts["good"].Success, reliability.Success("good", ReliabilityKind.Migration, isSimulated: false));
        // One bad host says nothing about another of which nothing was seen.
        Assert.Equal(ReliabilityPrior.Default.Success, reliability.Success("other", ReliabilityKind.Migration, isSimulated: false), 9);
        Assert.Equal(ReliabilityPrior.Default.Success, reliability.Success("bad", ReliabilityKind.PowerOn, isSimulated: false), 9);
    }

    [Theory]
    [InlineData(OperationState.Failed, FaultDomain.VM, HypervisorError.Other)]
    [InlineData(OperationState.Failed, FaultDomain.Host, HypervisorError.Aborted)]
    [InlineData(OperationState.Failed, FaultDomain.Host, HypervisorError.CircuitOpen)]
    [InlineData(OperationState.Unknown, FaultDomain.Host, HypervisorError.ConnectionFailed)]
    [InlineData(OperationState.Failed, null, HypervisorError.Other)]
    [InlineData(OperationState.Pending, null, HypervisorError.Other)]
    public async Task What_is_not_the_hosts_fault_does_not_count(OperationState state, FaultDomain? domain, HypervisorError error)
    {
        await MigrateAsync("kvm2", state, domain, error);
        Assert.Empty((await ReadAsync()).Hosts);
    }

    [Theory]
    [InlineData(FaultDomain.Network)]
    [InlineData(FaultDomain.Storage)]
    [InlineData(FaultDomain.Unknown)]
    public async Task All_other_failures_do(FaultDomain domain)
    {
        await MigrateAsync("kvm2", OperationState.Failed, domain);
        Assert.Equal(1, Assert.Single((await ReadAsync()).Hosts).Failures);
    }

    [Fact]
    public async Task Simulated_hosts_are_kept_apart_from_real_ones_of_the_same_name()
    {
        await MigrateAsync("kvm2", OperationState.Failed, FaultDomain.Host, isSimulated: true);
        await MigrateAsync("kvm2", OperationState.Succeeded, isSimulated: false);
        var reliability = await ReadAsync();
        Assert.Equal([(false, 0), (true, 1)], reliability.Hosts.Select(host => (host.IsSimulated, host.Failures)));
        Assert.True(reliability.Success("kvm2", ReliabilityKind.Migration, false) > 0.9);
        Assert.True(reliability.Success("kvm2", ReliabilityKind.Migration, true) < 0.7);
    }

    [Fact]
    public async Task What_is_old_is_forgotten()
    {
        await MigrateAsync("kvm2", OperationState.Failed, FaultDomain.Host, at: Now.AddDays(-30));
        await MigrateAsync("kvm3", OperationState.Failed, FaultDomain.Host, at: Now.AddDays(-8));
        await MigrateAsync("kvm4", OperationState.Failed, FaultDomain.Host, at: Now.AddMinutes(-1));
        var reliability = await ReadAsync();
        Assert.Equal(["kvm3", "kvm4"], reliability.Hosts.Select(host => host.VMHost));
        Assert.True(
            reliability.Success("kvm3", ReliabilityKind.Migration, false) > reliability.Success("kvm4", ReliabilityKind.Migration, false)
                + 0.2);
        Assert.Equal(["kvm4"], (await ReadAsync(after: Now.AddHours(-1))).Hosts.Select(host => host.VMHost));
        Assert.Equal(3, (await ReadAsync(after: Now.AddDays(-60))).Hosts.Count());
    }

    [Fact]
    public async Task Percentiles_of_durations_go_by_the_size_of_the_VM_and_need_enough_of_them()
    {
        for (var i = 1; i < DurationWindow.Enough; i++)
        {
            await MigrateAsync("kvm2", OperationState.Succeeded, seconds: 10 * i, memoryBytes: 2L << 30);
        }

        Assert.Null((await ReadAsync()).Duration(ReliabilityKind.Migration, false, 95, 1L << 30));
        await MigrateAsync("kvm3", OperationState.Succeeded, seconds: 200, memoryBytes: 2L << 30);
        var reliability = await ReadAsync();
        Assert.Equal(TimeSpan.FromSeconds(50), reliability.Duration(ReliabilityKind.Migration, false, 50, 1L << 30));
        Assert.Equal(TimeSpan.FromSeconds(400), reliability.Duration(ReliabilityKind.Migration, false, 50, 8L << 30));
        // Small ones are not quicker than their connections are made.
        Assert.Equal(TimeSpan.FromSeconds(50), reliability.Duration(ReliabilityKind.Migration, false, 50, 64 << 20));
        Assert.Equal((100, 190), (reliability.Hosts.First().MedianDurationSec, reliability.Hosts.First().P95DurationSec));
    }

    [Fact]
    public async Task A_migration_of_unknown_size_tells_no_duration_of_others()
    {
        for (var i = 0; i < 2 * DurationWindow.Enough; i++)
        {
            await WriteAsync(OperationKind.Migrate, "kvm1", "kvm2", OperationState.Succeeded, details: "{}");
        }

        var reliability = await ReadAsync();
        Assert.Null(reliability.Duration(ReliabilityKind.Migration, false, 50, 1L << 30));
        Assert.Equal(40, Assert.Single(reliability.Hosts).Attempts);
    }

    [Fact]
    public async Task Details_that_somebody_else_wrote_are_left_out()
    {
        await WriteAsync(OperationKind.Migrate, "kvm1", "kvm2", OperationState.Succeeded, details: "no JSON");
        await WriteAsync(OperationKind.Migrate, "kvm1", "kvm2", OperationState.Succeeded, details: "null");
        await WriteAsync(OperationKind.Migrate, "kvm1", "kvm2", OperationState.Failed, details: """{"faultDomain":7}""");
        await _journal.AppendAsync(
            Event("other", KumoiEventKind.Speculation, Now) with { Data = """{"step":"Ended","replicas":[{}]}""" }, default);
        Assert.Empty((await ReadAsync()).Hosts);
    }

    [Fact]
    public async Task Each_replica_of_an_operation_counts_for_its_host()
    {
        await using var site = await Site.OpenAsync(4);
        var controller =
            new Controller { Fault = (host, call, _) => (host, call) is ("kvm02", "prepare") ? new("no room", FaultDomain.Host) : null };
        await using (var fleet = await site.StartAsync(controller))
        {
            await site.MigrateAsync(fleet);
        }

        var hosts = (await ReadAsync(site)).Hosts.ToList();
        Assert.Equal(
            [("kvm02", 1, 1), ("kvm03", 1, 0), ("kvm04", 1, 0)], hosts.Select(host => (host.VMHost, host.Attempts, host.Failures)));
        Assert.All(hosts, host => Assert.True(host.IsSimulated));
        // The winner, and the one that was complete as well: both have done all that was asked of them.
        Assert.Equal(hosts[1].Success, hosts[2].Success);
        Assert.True(hosts[0].Success < hosts[1].Success);
        var told = Assert.Single(await EventsAsync(site.Journal), one => one.VMHost is null);
        Assert.Equal(
            (KumoiEventKind.Speculation, "'kvm01-1': kvm02 failed, kvm03 won, kvm04 was complete too."), (told.Kind, told.Message));
    }

    [Fact]
    public async Task A_winner_that_does_not_start_has_failed()
    {
        await using var site = await Site.OpenAsync();
        await using var fleet = await site.StartAsync(new Controller
        {
            Fault = (host, call, isDone) =>
            (host, call, isDone) is ("kvm02", "finish", false) ? new("no", FaultDomain.Host) : null
        });
        await site.MigrateAsync(fleet);
        Assert.Equal([("kvm02", 1), ("kvm03", 0)], (await ReadAsync(site)).Hosts.Select(host => (host.VMHost, host.Failures)));
    }

    [Theory]
    [InlineData("prepare", FaultDomain.VM)]
    [InlineData("perform", FaultDomain.Host)]
    [InlineData("begin", FaultDomain.Host)]
    public async Task What_the_VM_or_its_own_host_has_done_counts_for_no_target(string step, FaultDomain domain)
    {
        await using var site = await Site.OpenAsync();
        await using var fleet = await site.StartAsync(
            new Controller { Fault = (_, call, isDone) => call == step && !isDone ? new("no", domain) : null });
        await Assert.ThrowsAsync<SpeculationFailedException>(() => site.MigrateAsync(fleet));
        Assert.Empty((await ReadAsync(site)).Hosts);
    }

    [Fact]
    public async Task A_cancelled_operation_counts_for_no_target()
    {
        await using var site = await Site.OpenAsync();
        using var stop = new CancellationTokenSource();
        await using var fleet = await site.StartAsync(
            new Controller { Turn = (_, call) => call is "perform" ? stop.CancelAsync() : Task.CompletedTask });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => site.MigrateAsync(fleet, cancellationToken: stop.Token));
        Assert.Empty((await ReadAsync(site)).Hosts);
    }

    [Fact]
    public async Task A_winner_of_which_nobody_knows_counts_neither_way()
    {
        await using var site = await Site.OpenAsync();
        var controller = new Controller
        {
            Fault = (host, call, isDone) => (host, call, isDone) is ("kvm02", "finish", true) or ("kvm02", "place", _)
                ? new("gone", FaultDomain.Host, outcomeUnknown: true) : null
        };
        await using var fleet = await site.StartAsync(controller);
        await Assert.ThrowsAsync<HypervisorException>(() => site.MigrateAsync(fleet));
        Assert.Equal(["kvm03"], (await ReadAsync(site)).Hosts.Select(host => host.VMHost));
    }

    [Fact]
    public async Task An_abandoned_replica_counts_as_the_part_of_a_success_that_it_had_come_to()
    {
        await TellAsync(new("kvm2", true, null, true) { Ending = ReplicaEnding.Won, Duration = TimeSpan.FromSeconds(1) });
        await TellAsync(new("kvm3", false, "overtaken", true) { Ending = ReplicaEnding.Abandoned, Progress = 0.5 });
        await TellAsync(new("kvm4", false, "none", true) { Ending = ReplicaEnding.Abandoned, Progress = 0 });
        var reliability = await ReadAsync();
        double Success(string host) => reliability.Success(host, ReliabilityKind.Migration, false);
        Assert.True(Success("kvm2") > Success("kvm3") && Success("kvm3") > Success("kvm4"));
        Assert.Equal(0, reliability.Hosts.Sum(host => host.Failures));
    }

    [Fact]
    public async Task What_was_too_slow_is_no_failure_and_makes_the_percentile_longer()
    {
        for (var i = 0; i < 30; i++)
        {
            await TellAsync(new("kvm2", true, null, true) { Ending = ReplicaEnding.Won, Duration = TimeSpan.FromSeconds(i + 1) });
        }

        var before = (await ReadAsync()).Duration(ReliabilityKind.Migration, false, 50, 0);
        for (var i = 0; i < 10; i++)
        {
            await TellAsync(new("kvm3", false, "slow", true) { Ending = ReplicaEnding.TooSlow, Progress = 0.2 });
        }

        var reliability = await ReadAsync();
        Assert.True(reliability.Duration(ReliabilityKind.Migration, false, 50, 0) > before);
        // A quarter never ended: nobody knows what 95 of 100 do not exceed.
        Assert.Null(reliability.Duration(ReliabilityKind.Migration, false, 95, 0));
        Assert.Equal((10, 0), (reliability.Hosts.Last().Attempts, reliability.Hosts.Last().Failures));
    }

    [Fact]
    public async Task The_single_calls_of_an_operation_on_several_targets_are_not_counted_again()
    {
        var id = Guid.NewGuid();
        await TellAsync(new("kvm2", true, null, true) { Ending = ReplicaEnding.Won }, id, ReliabilityKind.PowerOn);
        await WriteAsync(OperationKind.Start, "kvm2", null, OperationState.Succeeded, id: id);
        Assert.Equal(1, Assert.Single((await ReadAsync()).Hosts).Attempts);
    }

    [Fact]
    public async Task A_journal_on_disk_gives_the_newest_and_no_more_than_are_needed()
    {
        await using var journal = Open();
        var writes = Enumerable.Range(0, HostReliability.MaxRecords + 1000).Select(async i =>
        {
            var intent = Intent(kind: OperationKind.Start) with { VMHost = i < 1000 ? "old" : "new", StartedAt = Now, IsSimulated = false };
            await journal.EndAsync(await journal.BeginAsync(intent, default), intent.Id,
                new OperationOutcome(OperationState.Succeeded, Now.AddSeconds(1)), default);
        });
        foreach (var batch in writes.Chunk(1000))
        {
            await Task.WhenAll(batch);
        }

        var reliability = await HostReliability.ReadAsync(journal, ReliabilityPrior.Default, Now, after: null, default);
        Assert.Equal(("new", HostReliability.MaxRecords), Assert.Single(reliability.Hosts.Select(host => (host.VMHost, host.Attempts))));
    }

    [Fact]
    public async Task One_operation_of_a_clock_that_was_wrong_hides_nothing_before_it()
    {
        await MigrateAsync("kvm2", OperationState.Succeeded);
        await MigrateAsync("kvm3", OperationState.Succeeded, at: DateTimeOffset.UnixEpoch.AddDays(1));
        await MigrateAsync("kvm4", OperationState.Succeeded);
        Assert.Equal(["kvm2", "kvm4"], (await ReadAsync()).Hosts.Select(host => host.VMHost));
        await using var journal = Open();
        foreach (var operation in await OperationsAsync(_journal))
        {
            var intent =
                Intent(kind: operation.Kind) with { Target = operation.Target, IsSimulated = false, StartedAt = operation.StartedAt };
            await journal.EndAsync(
                await journal.BeginAsync(intent, default), intent.Id,
                    new OperationOutcome(operation.State, operation.EndedAt!.Value) { Details = operation.Details }, default);
        }

        var onDisk = await HostReliability.ReadAsync(journal, ReliabilityPrior.Default, Now, after: null, default);
        Assert.Equal(["kvm2", "kvm4"], onDisk.Hosts.Select(host => host.VMHost));
    }

    [Fact]
    public async Task One_operation_of_a_clock_that_was_ahead_forgets_nothing_and_a_duration_that_is_none_does_not_count()
    {
        for (var i = 0; i < 10; i++)
        {
            await MigrateAsync("kvm2", OperationState.Failed, FaultDomain.Host);
        }

        await MigrateAsync("kvm2", OperationState.Succeeded, at: Now.AddYears(1));
        await MigrateAsync("kvm2", OperationState.Succeeded, seconds: -3600);
        var host = Assert.Single((await ReadAsync()).Hosts);
        Assert.Equal((12, 10, 10.0), (host.Attempts, host.Failures, host.P95DurationSec));
        Assert.True(host.Success < 0.3, $"{host.Success}");
        Assert.True(host.MeanDurationSec >= 0);
    }

    private Task<HostReliability> ReadAsync(DateTimeOffset? after = null) =>
        HostReliability.ReadAsync(_journal, ReliabilityPrior.Default, Now, after, default);

    private static Task<HostReliability> ReadAsync(Site site) =>
        HostReliability.ReadAsync(site.Journal, ReliabilityPrior.Default, site.Time.GetUtcNow(), after: null, default);

    private Task MigrateAsync(
        string target,
        OperationState state,
        FaultDomain? domain = null,
        HypervisorError error = HypervisorError.Other,
        double seconds = 10,
        long memoryBytes = 1 << 30,
        bool isSimulated = false,
        DateTimeOffset? at = null) => WriteAsync(
            OperationKind.Migrate, "source", target, state, seconds, isSimulated, at,
            domain is null && state is not OperationState.Succeeded ? "{}"
            : domain is null ? $$"""{"memoryBytes":{{memoryBytes}}}"""
            : $$"""{"faultDomain":"{{domain}}","errorCode":"{{error}}"}""");

    private async Task WriteAsync(
        string kind,
        string host,
        string? target,
        OperationState state,
        double seconds = 10,
        bool isSimulated = false,
        DateTimeOffset? at = null,
        string? details = null,
        Guid? id = null)
    {
        var ended = at ?? Now;
        var intent = Intent(kind: kind) with
        {
            Id = id ?? Guid.NewGuid(),
            VMHost = host,
            Target = target,
            IsSimulated = isSimulated,
            StartedAt = ended.AddSeconds(-seconds)
        };
        var sequence = await _journal.BeginAsync(intent, default);
        if (state is not OperationState.Pending)
        {
            await _journal.EndAsync(sequence, intent.Id, new OperationOutcome(state, ended, null) { Details = details }, default);
        }
    }

    private async Task TellAsync(ReplicaOutcome outcome, Guid? id = null, ReliabilityKind kind = ReliabilityKind.Migration)
    {
        var fleet = new Kumoi.Fleets.Journaling.FleetJournal(() => _journal, new ManualTime());
        var log = await SpeculationLog.BeginAsync(
            fleet, Intent(kind: OperationKind.SpeculativeMigrate) with { Id = id ?? Guid.NewGuid(), IsSimulated = false, StartedAt = Now },
            default);
        await log.TellOutcomesAsync(kind, 1 << 30, [outcome]);
    }
}
