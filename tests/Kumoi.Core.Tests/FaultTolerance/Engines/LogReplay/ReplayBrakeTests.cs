using System.Net.Sockets;
using Kumoi.Composition;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Engines.LogReplay;
using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Simulated;
using Kumoi.Hypervisors.Simulated.Hosts;
using Kumoi.Resilience;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Engines.LogReplay;

/// <summary>When a guest waits for its replica, and when it goes on, on a simulated host.</summary>
public sealed class ReplayBrakeTests : IAsyncDisposable
{
    private const int MaxHeld = 4096;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-brake-");
    private readonly SimulatedDriver _driver = new(TimeProvider.System);
    private readonly Fleet _fleet;
    private readonly ConsoleLog _log;
    private readonly ConsoleGate _gate;
    private readonly Socket _console = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private int _looks;

    public ReplayBrakeTests()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the console is a Unix socket");
        _fleet = KumoiFleet.Create(
            [_driver], new PollyCallPolicyFactory(), new FaultPlan(new Random(1), TimeProvider.System), TimeProvider.System);
        _log = new ConsoleLog(PathOf("console.log"));
        _gate = new ConsoleGate(PathOf("console.sock"), _log, from: 0, int.MaxValue);
        _console.Connect(new UnixDomainSocketEndPoint(PathOf("console.sock")));
    }

    public async ValueTask DisposeAsync()
    {
        _console.Dispose();
        _gate.Dispose();
        _log.Dispose();
        await _fleet.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_guest_whose_replica_is_too_far_behind_stands_still_until_it_is_near()
    {
        var vm = await VMAsync();
        await using var brake = Brake(vm);
        var lag = new ReplayLag(ReplayLag.Longest + TimeSpan.FromMilliseconds(1), 0);
        brake.Lag = Lag(() => lag);
        await UntilAsync(() => vm.State is PowerState.Paused);

        lag = new ReplayLag(ReplayLag.Longest / 2, ReplayLag.MostBytes / 4); // not near yet: it would stop again at once
        await LooksAsync();
        Assert.Equal(PowerState.Paused, vm.State);

        lag = new ReplayLag(TimeSpan.Zero, (ReplayLag.MostBytes / 2) - 1);
        await UntilAsync(() => vm.State is PowerState.Running);
        Assert.True(brake.TakeStood() > TimeSpan.Zero);
        Assert.Equal(TimeSpan.Zero, brake.TakeStood());
    }

    [Fact]
    public async Task A_guest_whose_log_is_too_long_stands_still()
    {
        var vm = await VMAsync();
        await using var brake = Brake(vm);
        brake.Lag = static () => new ReplayLag(TimeSpan.Zero, ReplayLag.MostBytes + 1);
        await UntilAsync(() => vm.State is PowerState.Paused);
    }

    [Fact]
    public async Task A_guest_whose_output_is_held_stands_still_until_it_is_let_out_and_may_put_out_more_when_that_is_allowed()
    {
        var vm = await VMAsync();
        _gate.Open(false);
        _console.Send(new byte[(MaxHeld / 2) + 1]);
        await using var brake = Brake(vm);
        brake.Lag = Lag(static () => default);
        await UntilAsync(() => vm.State is PowerState.Paused);

        _gate.Release(MaxHeld / 4); // what is left is more than a quarter of the limit
        await LooksAsync();
        Assert.Equal(PowerState.Paused, vm.State);

        brake.AllowSome();
        await UntilAsync(() => vm.State is PowerState.Running);
        brake.SetLimits();
        _console.Send(new byte[MaxHeld]);
        await UntilAsync(() => vm.State is PowerState.Paused);

        _gate.Release(long.MaxValue / 2);
        await UntilAsync(() => vm.State is PowerState.Running);
    }

    [Fact]
    public async Task A_brake_that_is_taken_off_lets_its_guest_go_on_and_one_that_is_left_does_not()
    {
        var vm = await VMAsync();
        var left = Brake(vm);
        left.Lag = static () => ReplayLag.Hold;
        await UntilAsync(() => vm.State is PowerState.Paused);
        await left.DisposeAsync();
        Assert.Equal(PowerState.Paused, vm.State); // another process goes on with it

        Assert.True(await left.ReleaseAsync(CancellationToken.None));
        Assert.Equal(PowerState.Running, vm.State);
    }

    [Fact]
    public async Task A_guest_that_somebody_else_has_paused_is_not_let_go_on()
    {
        var vm = await VMAsync();
        vm.ChangeState(PowerState.Paused, DateTimeOffset.UtcNow);
        var brake = Brake(vm);
        brake.Lag = Lag(static () => ReplayLag.Hold);
        await LooksAsync();
        Assert.False(brake.IsOn);
        await brake.ReleaseAsync(CancellationToken.None);
        Assert.Equal(PowerState.Paused, vm.State);
    }

    [Fact]
    public async Task It_stands_still_for_a_look_and_goes_on_even_when_the_look_fails()
    {
        var vm = await VMAsync();
        await using var brake = Brake(vm);
        Assert.Equal(
            PowerState.Paused, await brake.WhileItStandsAsync(() => Task.FromResult(vm.State), CancellationToken.None));
        Assert.Equal(PowerState.Running, vm.State);

        await Assert.ThrowsAsync<InvalidOperationException>(
            () => brake.WhileItStandsAsync<int>(static () => throw new InvalidOperationException(), CancellationToken.None));
        Assert.Equal(PowerState.Running, vm.State);
    }

    private ReplayBrake Brake(SimulatedVM vm) => new(
        new QemuReplay(_fleet.Find("kvm01")!.Link, vm.Id, TimeProvider.System), _gate,
        new PairPlan(vm.Id, _folder.FullName, [], new PairGoals(1), []) { MaxHeldBytes = MaxHeld }, TimeProvider.System);

    private async Task<SimulatedVM> VMAsync()
    {
        await foreach (var outcome in _fleet.ConnectAsync(
            [new ConnectRequest("sim://lab?hosts=1&vms=1&running=1", null, [])], CancellationToken.None))
        {
            _ = outcome.Result;
        }

        return _driver.Find(_fleet.Find("kvm01")!.Uri).VMs.Values.Single();
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        while (!isSo())
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    /// <summary>The brake has looked as a whole, at least once.</summary>
    private Task LooksAsync()
    {
        var before = Volatile.Read(ref _looks);
        return UntilAsync(() => Volatile.Read(ref _looks) > before + 2);
    }

    private Func<ReplayLag> Lag(Func<ReplayLag> lag) => () =>
    {
        Interlocked.Increment(ref _looks);
        return lag();
    };

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);
}
