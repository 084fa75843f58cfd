using System.Xml.Linq;
using Kumoi.Composition;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Simulated;
using Kumoi.Hypervisors.Simulated.Hosts;
using Kumoi.Resilience;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Pairs;

/// <summary>Pairs by COLO on simulated hosts: who serves, whatever dies, and in which mode.</summary>
public sealed class PairColoTests : IAsyncDisposable
{
    private const string Uri = "sim://lab?hosts=4&vms=1&running=1";

    private static readonly string[] Hosts = ["kvm01", "kvm02", "kvm03"];

    /// <summary>COLO for one checkpoint, checkpoint mode for two, and so on.</summary>
    private static readonly ModeOptions InTurn = new MovingAverageModeOptions
    {
        Limit = TimeSpan.FromMinutes(1),
        MinCheckpoints = 1,
        StayCheckpoints = 2,
    };

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-colo-");
    private readonly SimulatedDriver _driver = new(TimeProvider.System);
    private readonly List<Fleet> _fleets = [];
    private Guid _vm;

    public async ValueTask DisposeAsync()
    {
        foreach (var fleet in _fleets)
        {
            await fleet.DisposeAsync();
        }

        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData(PairMode.Checkpoint, PowerState.Paused)]
    [InlineData(PairMode.Colo, PowerState.Running)]
    public async Task The_standby_stands_still_or_runs_along_and_goes_on_when_the_VM_has_died(PairMode mode, PowerState between)
    {
        await using var pair = await ProtectAsync(new FixedModeOptions(mode));
        var running = await ProtectedAsync(pair, "kvm01");
        var standby = PairDomains.Of(_vm, pair.Record!.Checkpoint!.Standby);
        await BetweenCheckpointsAsync(pair, () => Simulated("kvm02").Find(standby)!.State == between);

        Simulated("kvm01").Find(_vm)!.ChangeState(PowerState.Crashed, DateTimeOffset.UtcNow);
        await UntilAsync(pair, running, static (happened, record) => happened is PairEvent.CheckpointMade && record.Primary is "kvm02");

        await StopAsync(pair, running);
        Assert.Equal([("kvm02", standby)], Running());
    }

    [Fact]
    public async Task What_the_network_card_sends_is_compared_while_it_is_protected_and_nothing_of_that_is_left_in_the_end()
    {
        await using var pair = await ProtectAsync(new FixedModeOptions(PairMode.Colo));
        var running = await ProtectedAsync(pair, "kvm01");
        var standby = pair.Record!.Checkpoint!.Standby;
        Assert.Contains("kumoi-colo-net0-comparer", FiltersOf("kvm01", standby: null));
        Assert.Equal(
            ["kumoi-colo-net0-give", "kumoi-colo-net0-rewriter", "kumoi-colo-net0-take"], FiltersOf("kvm02", standby));

        await StopAsync(pair, running);
        Assert.Empty(FiltersOf("kvm01", standby: null));
        Assert.Empty(Simulated("kvm01").Find(_vm)!.Qemu.Parts);
    }

    [Fact]
    public async Task The_mode_changes_as_the_rule_decides_and_the_history_says_why()
    {
        await using var pair = await ProtectAsync(InTurn);
        var changes = 0;
        List<(PairMode, PairMode?)> seen = [];
        pair.Changed += (happened, _) =>
        {
            if (happened is PairEvent.CheckpointMade made)
            {
                seen.Add((made.Mode, made.Change?.Mode));
            }
        };
        var running = await ProtectedAsync(pair, "kvm01");
        await UntilAsync(pair, running, (happened, _) => happened is PairEvent.CheckpointMade { Change: not null } && ++changes == 4);
        await StopAsync(pair, running);

        Assert.Contains((PairMode.Colo, (PairMode?)PairMode.Checkpoint), seen);
        Assert.Contains((PairMode.Checkpoint, (PairMode?)PairMode.Colo), seen);
        Assert.InRange(pair.Modes.History.Count, 5, PairModes.Remembered);
        Assert.All(pair.Modes.History, static change => Assert.NotEmpty(change.Reason));
        Assert.Equal([("kvm01", _vm)], Running());
    }

    [Theory]
    [InlineData("10.0.3", "loses the state of devices")]
    [InlineData("10.1.2", "is not known")]
    [InlineData("6.2.0", "was not tried")]
    public async Task A_QEMU_whose_COLO_is_broken_or_unclear_is_refused_beforehand_and_the_VM_runs_on(string version, string why)
    {
        await using var pair = await ProtectAsync(new FixedModeOptions(PairMode.Colo), version);
        PairEvent? first = null;
        var refused = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Changed += (happened, _) =>
        {
            first ??= happened;
            refused.TrySetResult();
        };
        var running = Task.Run(() => pair.RunAsync("kvm01", CancellationToken.None));
        await refused.Task.WaitAsync(TestContext.Current.CancellationToken);
        await StopAsync(pair, running);

        var reason = Assert.IsType<PairEvent.CheckpointsFail>(first).Reason;
        Assert.Contains(why, reason, StringComparison.Ordinal);
        Assert.Contains("10.0.7", reason, StringComparison.Ordinal); // what to do
        Assert.Equal([("kvm01", _vm)], Running());
    }

    [Fact]
    public async Task A_pair_whose_COLO_stands_still_is_fenced_and_failed_over()
    {
        await using var pair = await ProtectAsync(new FixedModeOptions(PairMode.Colo));
        var running = await ProtectedAsync(pair, "kvm01");
        var standby = PairDomains.Of(_vm, pair.Record!.Checkpoint!.Standby);

        Simulated("kvm01").Find(_vm)!.Qemu.Peer = null; // it takes no checkpoint any more, and nobody is told
        await UntilAsync(pair, running, static (happened, _) => happened is PairEvent.PrimaryLost);
        await UntilAsync(pair, running, static (happened, record) => happened is PairEvent.CheckpointMade && record.Primary is "kvm02");

        await StopAsync(pair, running);
        Assert.Equal([("kvm02", standby)], Running());
    }

    [Fact]
    public async Task A_standby_that_is_gone_is_replaced_and_the_VM_runs_on()
    {
        await using var pair = await ProtectAsync(new FixedModeOptions(PairMode.Checkpoint));
        var running = await ProtectedAsync(pair, "kvm01");
        var host = Simulated("kvm02");
        var before = pair.Record!.LastNumber;

        host.VMs.Remove(host.Find(PairDomains.Of(_vm, pair.Record.Checkpoint!.Standby))!.Name);
        await UntilAsync(pair, running, static (happened, _) => happened is PairEvent.BackupLost);
        await UntilAsync(pair, running, (happened, record) => happened is PairEvent.CheckpointMade && record.LastNumber > before + 1);

        await StopAsync(pair, running);
        Assert.Equal([("kvm01", _vm)], Running());
    }

    /// <summary>Every call that changes something, from the beginning on, over two changes of the mode: each death in a world of its own.</summary>
    [Fact]
    public async Task The_controller_dies_at_each_step_and_the_next_one_leaves_one_VM_that_runs_and_is_protected()
    {
        const int AtOnce = 12;
        var steps = 0;
        for (var isDead = true; isDead; steps += AtOnce)
        {
            var deaths = await Task.WhenAll(Enumerable.Range(steps + 1, AtOnce).Select(static step => Task.Run(async () =>
            {
                await using var world = new PairColoTests();
                return await world.DiesAsync(step);
            })));
            isDead = deaths.All(static died => died);
        }

        Assert.InRange(steps, 24, 240);
    }

    /// <summary>False: it came to its end before.</summary>
    private async Task<bool> DiesAsync(int step)
    {
        using var process = new DyingProcess();
        await using (var first = await ProtectAsync(InTurn, process: process))
        {
            process.DieAt(step, isDone: step % 2 == 0);
            var changes = 0;
            var changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            first.Changed += (happened, _) =>
            {
                if (happened is PairEvent.CheckpointMade { Change: not null } && ++changes == 2)
                {
                    process.DieAt(int.MaxValue, isDone: false);
                    changed.TrySetResult();
                }
            };
            var running = Task.Run(() => first.RunAsync("kvm01", process.Death));
            if (await Task.WhenAny(changed.Task, running) != running && !process.Death.IsCancellationRequested)
            {
                await StopAsync(first, running);
                return false;
            }

            await Assert.ThrowsAnyAsync<Exception>(() => running);
            if (first.Record is null)
            {
                Assert.Equal([("kvm01", _vm)], Running()); // nothing was begun
                return true;
            }
        }

        using (var next = new DyingProcess()) // which may die in the takeover
        {
            await using var second = await ProtectAsync(InTurn, process: next);
            next.DieAt(step % 11, isDone: step % 3 == 0);
            var made = ProtectedAsync(second, primary: null, next.Death);
            await ((Task)made).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (made.IsCompletedSuccessfully)
            {
                next.DieAt(1, isDone: true);
                await Assert.ThrowsAnyAsync<Exception>(() => made.Result);
            }
        }

        await using var last = await ProtectAsync(InTurn);
        var goesOn = await ProtectedAsync(last, primary: null);
        await StopAsync(last, goesOn);
        Assert.Equal([(last.Record!.Primary, PairDomains.Of(_vm, last.Record.Standby))], Running());
        Assert.Equal(last.Record.Standby is null ? [] : ["kumoi-colo-net0-rewriter"], FiltersOf(last.Record.Primary, last.Record.Standby));
        Assert.False(File.Exists(Path.Combine(_folder.FullName, "colo.json")), $"step {step}: nothing of COLO is left");
        return true;
    }

    private IEnumerable<string> FiltersOf(string host, int? standby) =>
        Simulated(host).Find(PairDomains.Of(_vm, standby))!.Qemu.NamesOf(isObject: true);

    /// <summary>What runs as the VM, or stands still in a way that somebody would have to end.</summary>
    private List<(string Host, Guid Domain)> Running() =>
    [
        .. Hosts.SelectMany(host => Simulated(host).VMs.Values
            .Where(vm => PairDomains.All(_vm).Contains(vm.Id) && vm.State is PowerState.Running or PowerState.Paused)
            .Select(vm => (host, vm.Id))),
    ];

    private static async Task BetweenCheckpointsAsync(PairController pair, Func<bool> isSo)
    {
        while (!isSo())
        {
            Assert.NotEqual(PairPhase.Unprotected, pair.Record!.Phase);
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    private static async Task<Task<PairRecord>> ProtectedAsync(
        PairController pair, string? primary, CancellationToken cancellationToken = default)
    {
        var made = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Changed += (happened, _) =>
        {
            if (happened is PairEvent.CheckpointMade)
            {
                made.TrySetResult();
            }
        };
        var running = Task.Run(() => pair.RunAsync(primary, cancellationToken), CancellationToken.None);
        await await Task.WhenAny(made.Task, running).WaitAsync(TestContext.Current.CancellationToken);
        return running;
    }

    private static async Task UntilAsync(PairController pair, Task running, Func<PairEvent, PairRecord, bool> isSuch)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Changed += (happened, record) =>
        {
            if (isSuch(happened, record))
            {
                reached.TrySetResult();
            }
        };
        await await Task.WhenAny(reached.Task, running).WaitAsync(TestContext.Current.CancellationToken);
    }

    private static async Task StopAsync(PairController pair, Task<PairRecord> running)
    {
        pair.Requests.Stop();
        Assert.Equal(PairPhase.Stopped, (await running.WaitAsync(TestContext.Current.CancellationToken)).Phase);
    }

    private SimulatedHost Simulated(string host) => _driver.Find(_fleets[0].Find(host)!.Uri);

    private async Task<PairController> ProtectAsync(ModeOptions modes, string? version = null, DyingProcess? process = null)
    {
        if (_fleets.Count == 0)
        {
            await ConnectAsync(_driver);
            var vm = Simulated("kvm01").VMs.Values.First(static vm => vm.Name is "kvm01-1");
            _vm = vm.Id;
            var xml = vm.ToXml();
            if (version is not null)
            {
                xml.Element("metadata")!.Add(
                    new XElement(XName.Get("qemu", DomainDefinition.KumoiNamespace), new XAttribute("version", version)));
            }

            xml.Add(new XElement("devices", XElement.Parse(
                "<interface type='bridge'><source bridge='br0'/><model type='virtio'/><driver name='qemu'/><alias name='net0'/></interface>")));
            var link = _fleets[0].Find("kvm01")!.Link;
            Simulated("kvm01").VMs.Remove(vm.Name);
            await link.SendAsync(new DefineVM(new VMSpec { Xml = xml.ToString() }), CancellationToken.None);
            await link.SendAsync(new StartVM(_vm), CancellationToken.None);
        }

        var plan = new PairPlan(_vm, _folder.FullName, Hosts, new PairGoals(1), [])
        {
            Silence = TimeSpan.FromMilliseconds(200),
            CheckpointPatience = TimeSpan.FromSeconds(1),
            Engine = CheckpointEngine.Colo,
            AllowUnencrypted = true,
            Modes = modes with { CheckpointPeriod = TimeSpan.FromMilliseconds(10), ColoPeriod = TimeSpan.FromSeconds(1) },
        };
        return new PairController(process is null ? _fleets[0] : await ConnectAsync(new DyingDriver(_driver, process)), plan, TimeProvider.System);
    }

    private async Task<Fleet> ConnectAsync(IHypervisorDriver driver)
    {
        var fleet = KumoiFleet.Create(
            [driver], new PollyCallPolicyFactory(), new FaultPlan(new Random(1), TimeProvider.System), TimeProvider.System);
        _fleets.Add(fleet);
        await foreach (var outcome in fleet.ConnectAsync([new ConnectRequest(Uri, null, [])], CancellationToken.None))
        {
            _ = outcome.Result;
        }

        return fleet;
    }
}
