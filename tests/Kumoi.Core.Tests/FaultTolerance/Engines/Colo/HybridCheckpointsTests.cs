using System.Xml.Linq;
using Kumoi.Composition;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Engines.Colo;
using Kumoi.FaultTolerance.Gates;
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

namespace Kumoi.Tests.FaultTolerance.Engines.Colo;

/// <summary>
/// COLO, and another engine in checkpoint mode, on simulated hosts: the standby that counts stays until a checkpoint in the next one is
/// written down, and then goes.
/// </summary>
public sealed class HybridCheckpointsTests : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-hybrid-");
    private readonly SimulatedDriver _driver = new(TimeProvider.System);
    private readonly List<OtherEngine> _others = [];
    private Fleet _fleet = null!;
    private Guid _vm;
    private ConsoleLog _log = null!;
    private ConsoleGate _console = null!;
    private ColoFile _file = null!;

    public async ValueTask DisposeAsync()
    {
        _console.Dispose();
        _log.Dispose();
        await _fleet.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task The_standby_of_COLO_stays_until_the_first_checkpoint_of_the_other_engine_is_written_down()
    {
        await using var hybrid = await BeginAsync();
        var first = await ColoAsync(hybrid, number: 1, committed: null);
        Assert.Equal([first.Standby], Standbys());

        hybrid.Mode = PairMode.Checkpoint;
        var second = await MakeAsync(hybrid, 2, first);
        Assert.Equal([first.Standby, second.Standby], Standbys());
        Assert.Equal("none", Primary.Qemu.Colo); // the VM goes on by itself
        Assert.Equal(PowerState.Running, Primary.State);
        Assert.True(await hybrid.HasAsync(Backup, first, CancellationToken.None)); // COLO answers: the other engine knows nothing of it

        await hybrid.DropAsync(second, CancellationToken.None);
        Assert.Equal([second.Standby], Standbys());
        Assert.Null(_file.Read());
        Assert.Equal([second], _others.Single().Kept);
        Assert.True(await hybrid.HasAsync(Backup, second, CancellationToken.None));
    }

    [Fact]
    public async Task The_standby_of_the_other_engine_stays_until_the_first_checkpoint_of_COLO_is_written_down()
    {
        await using var hybrid = await BeginAsync();
        hybrid.Mode = PairMode.Checkpoint;
        var first = await MakeAsync(hybrid, 1, committed: null);
        await hybrid.DropAsync(first, CancellationToken.None);

        var second = await ColoAsync(hybrid, 2, first);
        Assert.Equal([first.Standby, second.Standby], Standbys());
        Assert.True(_others.Single().IsDisposed);

        await hybrid.DropAsync(second, CancellationToken.None);
        Assert.Equal([second.Standby], Standbys());
        Assert.Equal([second], _others[^1].Kept); // what it has left beside the record
        Assert.True(_others[^1].IsDisposed);
    }

    /// <summary>A standby of COLO runs by itself when its primary is dead: two would serve.</summary>
    [Fact]
    public async Task When_the_VM_goes_on_from_the_other_engine_the_standby_of_COLO_is_gone_before()
    {
        await using var hybrid = await BeginAsync();
        var first = await ColoAsync(hybrid, 1, committed: null);
        hybrid.Mode = PairMode.Checkpoint;
        var second = await MakeAsync(hybrid, 2, first);
        _others.Single().Bringing = () => Assert.Equal([second.Standby], Standbys());

        (await hybrid.BringAsync(Backup, second, CancellationToken.None)).Dispose();
        Assert.Equal([second], _others.Single().Brought);
        Assert.Null(_file.Read());
    }

    [Fact]
    public async Task When_the_VM_goes_on_from_COLO_the_other_engine_is_forgotten()
    {
        await using var hybrid = await BeginAsync();
        var first = await ColoAsync(hybrid, 1, committed: null);
        hybrid.Mode = PairMode.Checkpoint;
        await MakeAsync(hybrid, 2, first); // it does not count
        Assert.False(_others.Single().IsDisposed);

        (await hybrid.BringAsync(Backup, first, CancellationToken.None)).Dispose();
        Assert.True(_others.Single().IsDisposed);
        Assert.Contains(first.Standby, Standbys());
        Assert.Empty(_others.Single().Brought);
    }

    [Fact]
    public async Task A_standby_of_COLO_that_cannot_be_removed_is_tried_again_after_the_next_checkpoint()
    {
        await using var hybrid = await BeginAsync();
        var first = await ColoAsync(hybrid, 1, committed: null);
        hybrid.Mode = PairMode.Checkpoint;
        var second = await MakeAsync(hybrid, 2, first);
        var standby = Host("kvm02").Find(PairDomains.Of(_vm, first.Standby))!;
        Host("kvm02").VMs.Remove(standby.Name);
        var strange = SimulatedVM.From(
            Host("kvm02"), new VMSpec { Xml = Unmarked(standby.ToXml()).ToString() }, OperationId.New()); // not marked: it is left alone
        Host("kvm02").VMs.Add(strange.Name, strange);

        await hybrid.DropAsync(second, CancellationToken.None);
        Assert.NotNull(_file.Read());
        Assert.Empty(_others.Single().Kept);

        Host("kvm02").VMs.Remove(strange.Name);
        var third = await MakeAsync(hybrid, 3, second);
        await hybrid.DropAsync(third, CancellationToken.None);
        Assert.Null(_file.Read());
        Assert.Equal([third], _others.Single().Kept);
    }

    private SimulatedVM Primary => Host("kvm01").Find(_vm)!;

    private IHypervisorLink Backup => _fleet.Find("kvm02")!.Link;

    private SimulatedHost Host(string name) => _driver.Find(_fleet.Find(name)!.Uri);

    /// <summary>The numbers of the standbys that are there.</summary>
    private List<int?> Standbys() =>
    [
        .. Enumerable.Range(0, PairDomains.Standbys).Where(number => Host("kvm02").Find(PairDomains.Of(_vm, number)) is not null)
            .Select(static number => (int?)number),
    ];

    private async Task<CheckpointMark> ColoAsync(HybridCheckpoints hybrid, int number, CheckpointMark? committed)
    {
        hybrid.Mode = PairMode.Colo;
        var mark = await MakeAsync(hybrid, number, committed);
        Assert.Equal(mark.Attempt, _file.Read()!.Attempt);
        return mark;
    }

    private async Task<CheckpointMark> MakeAsync(HybridCheckpoints hybrid, int number, CheckpointMark? committed)
    {
        var primary = _fleet.Find("kvm01")!.Link;
        var made = await hybrid.MakeAsync(
            new CheckpointJob(
                number, committed, primary, Standby: null, Backup, _console, NetworkGate.WithoutCards(primary, _vm)),
            TestContext.Current.CancellationToken);
        return made!.Mark;
    }

    private async Task<HybridCheckpoints> BeginAsync()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the console is a Unix socket");
        _fleet = KumoiFleet.Create(
            [_driver], new PollyCallPolicyFactory(), new FaultPlan(new Random(1), TimeProvider.System), TimeProvider.System);
        await foreach (var outcome in _fleet.ConnectAsync(
            [new ConnectRequest("sim://lab?hosts=2&vms=1&running=1", null, [])], CancellationToken.None))
        {
            _ = outcome.Result;
        }

        _vm = Host("kvm01").VMs.Values.Single().Id;
        _log = new ConsoleLog(Path.Combine(_folder.FullName, "console.log"));
        _console = new ConsoleGate(Path.Combine(_folder.FullName, "console.sock"), _log, from: 0, 1 << 20);
        _file = new ColoFile(_folder.FullName);
        var plan = new PairPlan(_vm, _folder.FullName, ["kvm01", "kvm02"], new PairGoals(1), [])
        {
            Engine = CheckpointEngine.Colo,
            AllowUnencrypted = true,
            CheckpointPatience = TimeSpan.FromSeconds(10),
        };
        return new HybridCheckpoints(
            plan, new ColoCheckpoints(plan, _log, TimeProvider.System), _file,
            () =>
            {
                _others.Add(new OtherEngine(plan, _folder.FullName, _log));
                return _others[^1];
            },
            TimeProvider.System);
    }

    private static XElement Unmarked(XElement domain)
    {
        domain.Elements("metadata").Remove();
        return domain;
    }

    /// <summary>Makes a standby for each checkpoint, as all that make them by QEMU do, and notes what it is asked for.</summary>
    private sealed class OtherEngine(PairPlan plan, string folder, ConsoleLog log) : ICheckpointEngine
    {
        private readonly StandbyMaker _maker = new(plan, log, TimeProvider.System);
        private readonly List<string> _made = [];

        public List<CheckpointMark> Kept { get; } = [];

        public List<CheckpointMark> Brought { get; } = [];

        public bool IsDisposed { get; private set; }

        public Action? Bringing { get; set; }

        public async Task<MadeCheckpoint?> MakeAsync(CheckpointJob job, CancellationToken cancellationToken)
        {
            var number = _maker.Next(job, job.Committed);
            var attempt = Guid.NewGuid().ToString("N");
            (await _maker.StartAsync(job, number, attempt, cancellationToken)).Dispose();
            _made.Add(attempt);
            return new MadeCheckpoint(
                new CheckpointMark(job.Number, 0) { Attempt = attempt, Standby = number }, TimeSpan.Zero, Bytes: 0);
        }

        public Task<bool> HasAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken) =>
            Task.FromResult(_made.Contains(checkpoint.Attempt));

        public Task<ConsoleGate> BringAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
        {
            Bringing?.Invoke();
            Brought.Add(checkpoint);
            return Task.FromResult(new ConsoleGate(Path.Combine(folder, "brought.sock"), log, from: 0, 1 << 20));
        }

        public Task<TimeSpan> DrillAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken) =>
            Task.FromResult(TimeSpan.Zero);

        public Task DropAsync(CheckpointMark? but, CancellationToken cancellationToken)
        {
            Kept.AddRange(but is null ? [] : [but]);
            return Task.CompletedTask;
        }

        public ValueTask DisposeAsync()
        {
            IsDisposed = true;
            return ValueTask.CompletedTask;
        }
    }
}
