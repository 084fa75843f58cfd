using Kumoi.Composition;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Simulated;
using Kumoi.Hypervisors.Simulated.Hosts;
using Kumoi.Journal;
using Kumoi.Journal.Sqlite;
using Kumoi.Resilience;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Pairs;

/// <summary>Pairs as admins begin and end them, on simulated hosts, and what the journal has of them.</summary>
public sealed class PairServiceTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-pairs-");
    private readonly FaultPlan _faults = new(new Random(1), TimeProvider.System);
    private readonly SimulatedDriver _driver = new(TimeProvider.System);
    private SqliteJournal _journal = null!;
    private Fleet _fleet = null!;
    private PairService _pairs = null!;
    private Guid _vm;

    public async ValueTask InitializeAsync()
    {
        _journal = new SqliteJournal(Path.Combine(_folder.FullName, "journal"), TimeProvider.System);
        _fleet = KumoiFleet.Create([_driver], new PollyCallPolicyFactory(), _faults, TimeProvider.System, () => _journal);
        await foreach (var outcome in _fleet.ConnectAsync(
            [new ConnectRequest("sim://lab?hosts=4&vms=1&running=1", null, [])], TestContext.Current.CancellationToken))
        {
            _ = outcome.Result;
        }

        _vm = Simulated("kvm01").VMs.Values.First().Id;
        _pairs = new PairService(_fleet, "Session", TimeProvider.System);
    }

    public async ValueTask DisposeAsync()
    {
        await _pairs.DisposeAsync();
        await _fleet.DisposeAsync();
        await _journal.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_VM_is_protected_when_the_start_returns_and_what_happens_to_it_is_told()
    {
        var pair = await _pairs.StartAsync(Order(), force: false, TestContext.Current.CancellationToken);

        Assert.Equal((PairPhase.Protected, "kvm01", "kvm02"), (pair.State, pair.Primary, pair.Backup));
        Simulated("kvm01").Find(_vm)!.ChangeState(PowerState.Crashed, DateTimeOffset.UtcNow);
        await UntilAsync(pair => pair is { State: PairPhase.Protected, Primary: "kvm02", FailoverCount: 1 });
        Assert.Equal(PowerState.Running, Simulated("kvm02").Find(_vm)!.State);
        Assert.Equal(PairPhase.Stopped, (await _pairs.StopAsync(_vm))!.State);
        var messages = await MessagesAsync();
        Assert.Contains("'kvm01-1' is to be protected: it runs on kvm01.", messages);
        Assert.Contains("kvm02 has taken over 'kvm01-1'.", messages);
        Assert.Equal("The fault-tolerant pair of 'kvm01-1' has ended.", messages[^1]);
    }

    [Fact]
    public async Task What_its_checkpoints_cost_is_shown()
    {
        await _pairs.StartAsync(Order(), force: false, TestContext.Current.CancellationToken);
        await UntilAsync(static pair => pair.CheckpointCount > 5);

        var pair = _pairs.Pairs.Single();
        Assert.Equal(25, pair.PauseP50Ms, tolerance: 0.1); // what a simulated guest says
        Assert.InRange(pair.CheckpointsPerSecond, 0.01, 1000);
        Assert.InRange(pair.OutputLatencyP50Ms, 0.001, pair.OutputLatencyP99Ms);
        Assert.True(pair.LagMs >= 0);
    }

    [Fact]
    public async Task A_VM_is_protected_once()
    {
        await _pairs.StartAsync(Order(), force: false, TestContext.Current.CancellationToken);
        await using var other = new PairService(_fleet, "Agent", TimeProvider.System);

        foreach (var pairs in new[] { _pairs, other })
        {
            var refused = await Assert.ThrowsAsync<HypervisorException>(
                () => pairs.StartAsync(Order(), force: false, TestContext.Current.CancellationToken));
            Assert.StartsWith("'kvm01-1' is protected already, by ", refused.Message, StringComparison.Ordinal);
        }

        Assert.Equal(PairPhase.Protected, _pairs.Pairs.Single().State);
    }

    [Fact]
    public async Task Of_ten_starts_at_the_same_moment_one_protects_the_VM()
    {
        var services = Enumerable.Range(0, 10).Select(_ => new PairService(_fleet, "Session", TimeProvider.System)).ToList();
        var starts = services.Select(pairs => pairs.StartAsync(Order(), force: false, TestContext.Current.CancellationToken)).ToList();

        await Task.WhenAny(Task.WhenAll(starts));

        Assert.Equal(1, starts.Count(static start => start.IsCompletedSuccessfully));
        await Task.WhenAll(services.Select(static pairs => pairs.DisposeAsync().AsTask()));
    }

    [Fact]
    public async Task What_cannot_be_protected_leaves_nothing_behind_and_can_be_tried_again()
    {
        var rule = _faults.Add(new FaultRule
        {
            HostMatches = static _ => true,
            HostPattern = "*",
            Operation = nameof(FindVM),
            Message = "injected fault",
            Count = 100,
        });
        await Assert.ThrowsAsync<HypervisorException>(
            () => _pairs.StartAsync(Order(), force: false, TestContext.Current.CancellationToken));
        Assert.Empty(await _pairs.ReadOpenAsync(TestContext.Current.CancellationToken));

        _faults.Remove(rule.Id);
        Assert.Equal(
            PairPhase.Protected, (await _pairs.StartAsync(Order(), force: false, TestContext.Current.CancellationToken)).State);
    }

    [Fact]
    public async Task A_VM_without_a_backup_is_not_protected_and_the_error_says_why()
    {
        var refused = await Assert.ThrowsAsync<HypervisorException>(
            () => _pairs.StartAsync(Order("kvm01"), force: false, TestContext.Current.CancellationToken));

        Assert.Contains("backup", refused.Message, StringComparison.Ordinal);
        Assert.Empty(await _pairs.ReadOpenAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_pair_that_was_let_go_is_gone_on_with_by_the_next()
    {
        await _pairs.StartAsync(Order(), force: false, TestContext.Current.CancellationToken);
        await _pairs.DisposeAsync();

        _pairs = new PairService(_fleet, "Agent", TimeProvider.System);
        var open = Assert.Single(await _pairs.ReadOpenAsync(TestContext.Current.CancellationToken));
        Assert.Null(await _pairs.ResumeAsync(open, TestContext.Current.CancellationToken));
        await UntilAsync(static pair => pair is { State: PairPhase.Protected, KeptBy: "Agent" });

        Assert.Equal(open.BegunAt, _pairs.Pairs.Single().StartedAt);
    }

    [Fact]
    public async Task A_pair_whose_folder_is_away_says_so_and_goes_on_when_it_is_back()
    {
        await _pairs.StartAsync(Order(), force: false, TestContext.Current.CancellationToken);
        var (folder, away) = (Path.Combine(_folder.FullName, "pair"), Path.Combine(_folder.FullName, "away"));

        Directory.Move(folder, away);
        await UntilAsync(pair => pair.Reason?.Contains(folder, StringComparison.Ordinal) is true);
        Assert.Equal(PowerState.Running, Simulated("kvm01").Find(_vm)!.State);

        Directory.Move(away, folder);
        var count = _pairs.Pairs.Single().CheckpointCount;
        await UntilAsync(pair => pair is { State: PairPhase.Protected, Primary: "kvm01", Reason: null } && pair.CheckpointCount > count);
    }

    [Fact]
    public async Task An_admin_lets_the_backup_take_over()
    {
        await _pairs.StartAsync(Order(), force: false, TestContext.Current.CancellationToken);

        await _pairs.SwitchAsync(_vm, TestContext.Current.CancellationToken);

        await UntilAsync(static pair => pair is { State: PairPhase.Protected, Primary: "kvm02" });
        Assert.Equal(PowerState.Shutoff, Simulated("kvm01").Find(_vm)!.State);
        Assert.Equal(PowerState.Running, Simulated("kvm02").Find(_vm)!.State);
    }

    [Fact]
    public async Task A_drill_restores_the_VM_on_the_backup_and_leaves_nothing_there()
    {
        await _pairs.StartAsync(Order(), force: false, TestContext.Current.CancellationToken);

        var drill = await _pairs.DrillAsync(_vm, TestContext.Current.CancellationToken);

        Assert.Equal(("kvm01", "kvm02"), (drill!.Primary, drill.Backup));
        Assert.Equal(PowerState.Running, Simulated("kvm01").Find(_vm)!.State);
        Assert.True(Simulated("kvm02").Find(_vm) is null or { State: PowerState.Shutoff });
    }

    [Fact]
    public async Task A_drill_that_fails_says_why_and_the_pair_goes_on()
    {
        await _pairs.StartAsync(Order(), force: false, TestContext.Current.CancellationToken);
        _faults.Add(new FaultRule
        {
            HostMatches = static name => name == "kvm02",
            HostPattern = "kvm02",
            Operation = nameof(RestoreCheckpoint),
            Message = "injected fault",
            Count = 1,
        });

        await Assert.ThrowsAsync<HypervisorException>(() => _pairs.DrillAsync(_vm, TestContext.Current.CancellationToken));

        var count = _pairs.Pairs.Single().CheckpointCount;
        await UntilAsync(pair => pair.State is PairPhase.Protected && pair.CheckpointCount > count);
    }

    /// <summary>A replica that is made anew while its guest stands still, say: nobody could tell afterwards why.</summary>
    [Fact]
    public async Task Why_a_checkpoint_failed_is_told_once_however_often_it_fails_and_the_pair_goes_on()
    {
        await _pairs.StartAsync(Order(), force: false, TestContext.Current.CancellationToken);
        _faults.Add(new FaultRule
        {
            HostMatches = static name => name == "kvm01",
            HostPattern = "kvm01",
            Operation = nameof(MakeCheckpoint),
            Message = "injected fault",
            Count = 2,
        });
        await UntilAsync(_ => _faults.Rules.All(static rule => rule.Hits == 2));

        var count = _pairs.Pairs.Single().CheckpointCount;
        await UntilAsync(pair => pair.State is PairPhase.Protected && pair.CheckpointCount > count);
        await _pairs.StopAsync(_vm);
        Assert.Equal(
            ["A checkpoint of 'kvm01-1' has failed, and is tried again: injected fault"],
            (await MessagesAsync()).Where(static message => message.Contains("injected", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task What_is_wanted_of_a_pair_that_ends_is_refused_and_not_waited_for_for_ever()
    {
        await _pairs.StartAsync(Order(), force: false, TestContext.Current.CancellationToken);
        var stopped = _pairs.StopAsync(_vm);
        var wanted = _pairs.DrillAsync(_vm, TestContext.Current.CancellationToken);

        await stopped;
        await Task.WhenAny(wanted).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    private PairOrder Order(params string[] hosts) => new()
    {
        Id = Guid.NewGuid(),
        VM = _vm,
        VMName = "kvm01-1",
        Primary = "kvm01",
        Hosts = [.. (hosts is [] ? ["kvm01", "kvm02", "kvm03"] : hosts).Select(static name => new PairHost(name, "sim://lab"))],
        Folder = Path.Combine(_folder.FullName, "pair"),
        Goals = new PairGoals(PeriodMs: 1),
        IsSimulated = true,
        SilenceMs = 200,
    };

    private SimulatedHost Simulated(string name) => _driver.Find(_fleet.Find(name)!.Uri);

    /// <summary>The pair comes into such a state; what it passes through may be gone at once.</summary>
    private async Task UntilAsync(Func<KumoiFtPair, bool> isSuch)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!_pairs.Pairs.Any(isSuch))
        {
            patience.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private async Task<List<string>> MessagesAsync()
    {
        List<string> messages = [];
        await foreach (var happened in _journal.ReadEventsAsync(
            new EventQuery { Kinds = [KumoiEventKind.FaultTolerance] }, TestContext.Current.CancellationToken))
        {
            messages.Add(happened.Message);
        }

        return messages;
    }
}
