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

/// <summary>Pairs on simulated hosts, whose guests put out nothing: who serves, and when.</summary>
public sealed class PairControllerTests : IAsyncDisposable
{
    private const string Uri = "sim://lab?hosts=4&vms=1&running=1";

    private static readonly string[] Hosts = ["kvm01", "kvm02", "kvm03"];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-pair-");
    private readonly FaultPlan _faults = new(new Random(1), TimeProvider.System);
    private readonly SimulatedDriver _driver = new(TimeProvider.System); // stamps of guests and of the controller are of one clock
    private Fleet? _fleet;
    private Guid _vm;

    public async ValueTask DisposeAsync()
    {
        await (_fleet?.DisposeAsync() ?? ValueTask.CompletedTask);
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task The_next_host_takes_over_when_the_VM_has_died_and_another_one_is_the_backup()
    {
        await using var pair = await ProtectAsync();
        var running = await ProtectedAsync(pair, "kvm01");

        Simulated("kvm01").Find(_vm)!.ChangeState(PowerState.Crashed, DateTimeOffset.UtcNow);
        await UntilAsync(pair, running, static (happened, record) => happened is PairEvent.CheckpointMade && record.Primary is "kvm02");

        Assert.Equal(("kvm02", true), (pair.Record!.Primary, pair.Record.Backup is "kvm01" or "kvm03"));
        Assert.Equal(PowerState.Running, Simulated("kvm02").Find(_vm)!.State);
        await StopAsync(pair, running);
    }

    [Fact]
    public async Task A_host_that_is_silent_and_cannot_be_fenced_is_not_followed_by_another()
    {
        await using var pair = await ProtectAsync(fence: ["false"]);
        var running = await ProtectedAsync(pair, "kvm01");

        var rule = Break("kvm01", FaultOperation.Any);
        await UntilAsync(pair, running, static (happened, _) => happened is PairEvent.NotFenced);
        Assert.Null(Simulated("kvm02").Find(_vm));
        Assert.Equal(PowerState.Running, Simulated("kvm01").Find(_vm)!.State);

        _faults.Remove(rule.Id);
        await UntilAsync(pair, running, static (happened, record) => happened is PairEvent.CheckpointMade && record.Primary is "kvm02");
        Assert.Equal(PowerState.Shutoff, Simulated("kvm01").Find(_vm)!.State);
        await StopAsync(pair, running);
    }

    [Fact]
    public async Task A_backup_that_cannot_take_the_VM_is_passed_over()
    {
        await using var pair = await ProtectAsync();
        var running = await ProtectedAsync(pair, "kvm01");
        Break("kvm02", nameof(RestoreCheckpoint), count: 1);

        Simulated("kvm01").Find(_vm)!.ChangeState(PowerState.Crashed, DateTimeOffset.UtcNow);
        await UntilAsync(pair, running, static (happened, _) => happened is PairEvent.CannotTakeOver { Host: "kvm02" });
        await UntilAsync(pair, running, static (happened, _) => happened is PairEvent.CheckpointMade);

        Assert.Single(Hosts, host => Simulated(host).Find(_vm)?.State is PowerState.Running);
        await StopAsync(pair, running);
    }

    [Fact]
    public async Task The_power_of_a_host_that_is_to_take_over_is_not_switched_off_for_one_call_that_has_failed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "the fence is a command of a Unix shell");
        var fenced = Path.Combine(_folder.FullName, "fenced");
        await using var pair = await ProtectAsync(fence: ["sh", "-c", "echo \"$1\" >> " + fenced, "fence"]);
        var running = await ProtectedAsync(pair, "kvm01");
        pair.Changed += (_, record) =>
        {
            if (record.Phase is PairPhase.TakingOver)
            {
                Break("kvm02", FaultOperation.Any, count: 1);
            }
        };

        Simulated("kvm01").Find(_vm)!.ChangeState(PowerState.Crashed, DateTimeOffset.UtcNow);
        await UntilAsync(pair, running, static (happened, record) => happened is PairEvent.CheckpointMade && record.Primary is "kvm02");

        Assert.False(File.Exists(fenced), "a host was switched off");
        await StopAsync(pair, running);
    }

    [Fact]
    public async Task Stopped_it_leaves_the_VM_running_and_no_checkpoint()
    {
        await using var pair = await ProtectAsync();
        var running = await ProtectedAsync(pair, "kvm01");

        await StopAsync(pair, running);

        Assert.Equal(PowerState.Running, Simulated("kvm01").Find(_vm)!.State);
        Assert.Empty(_folder.GetFiles("*.held"));
    }

    [Fact]
    public async Task What_was_stopped_can_be_protected_again()
    {
        await using (var first = await ProtectAsync())
        {
            await StopAsync(first, await ProtectedAsync(first, "kvm01"));
        }

        await using var again = await ProtectAsync();
        var running = await ProtectedAsync(again, "kvm01");
        Assert.Equal(PairPhase.Protected, again.Record!.Phase);
        await StopAsync(again, running);
    }

    [Fact]
    public async Task Checkpoints_that_would_go_through_the_network_unencrypted_are_refused_until_that_is_allowed()
    {
        await using var pair = await ProtectAsync(engine: CheckpointEngine.Migrate);

        var error = await Assert.ThrowsAsync<HypervisorException>(() => pair.RunAsync("kvm01", CancellationToken.None));
        Assert.Contains("unencrypted", error.Message, StringComparison.Ordinal);
        Assert.Contains("-AllowUnencrypted", error.RecommendedAction, StringComparison.Ordinal);
        Assert.Null(pair.Record);
    }

    [Fact]
    public async Task A_VM_whose_memory_is_not_shared_is_refused_where_its_changed_pages_are_wanted()
    {
        await using var pair = await ProtectAsync(engine: CheckpointEngine.SharedDelta);

        var error = await Assert.ThrowsAsync<HypervisorException>(() => pair.RunAsync("kvm01", CancellationToken.None));
        Assert.Contains("<memoryBacking>", error.RecommendedAction, StringComparison.Ordinal);
        Assert.Null(pair.Record);
    }

    [Fact]
    public async Task A_second_controller_is_refused_while_the_first_one_lives()
    {
        await using var pair = await ProtectAsync();

        await Assert.ThrowsAsync<IOException>(() => ProtectAsync());
    }

    [Fact]
    public async Task The_next_controller_goes_on_from_the_record_of_one_that_has_died()
    {
        using var death = new CancellationTokenSource();
        await using (var first = await ProtectAsync())
        {
            var running = await ProtectedAsync(first, "kvm01", death.Token);
            await death.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        }

        await using var second = await ProtectAsync();
        var goesOn = await ProtectedAsync(second, primary: null);
        Assert.Equal("kvm01", second.Record!.Primary); // it has no console, so nothing that it has put out is lost
        await StopAsync(second, goesOn);
    }

    private static async Task<Task<PairRecord>> ProtectedAsync(
        PairController pair, string? primary, CancellationToken cancellationToken = default)
    {
        var made = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(PairEvent happened, PairRecord record)
        {
            if (happened is PairEvent.CheckpointMade)
            {
                made.TrySetResult();
            }
        }

        pair.Changed += Look;
        var running = Task.Run(() => pair.RunAsync(primary, cancellationToken), CancellationToken.None);
        await await Task.WhenAny(made.Task, running);
        return running;
    }

    private static async Task UntilAsync(PairController pair, Task running, Func<PairEvent, PairRecord, bool> isSuch)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(PairEvent happened, PairRecord record)
        {
            if (isSuch(happened, record))
            {
                reached.TrySetResult();
            }
        }

        pair.Changed += Look;
        await await Task.WhenAny(reached.Task, running).WaitAsync(TestContext.Current.CancellationToken);
        pair.Changed -= Look;
    }

    private static async Task StopAsync(PairController pair, Task<PairRecord> running)
    {
        pair.Requests.Stop();
        Assert.Equal(PairPhase.Stopped, (await running).Phase);
    }

    private SimulatedHost Simulated(string host) => _driver.Find(_fleet!.Find(host)!.Uri);

    private FaultRule Break(string host, string operation, int? count = null) => _faults.Add(new FaultRule
    {
        HostMatches = name => name == host,
        HostPattern = host,
        Operation = operation,
        Message = "injected fault",
        Count = count,
    });

    private async Task<PairController> ProtectAsync(IReadOnlyList<string>? fence = null, CheckpointEngine engine = default)
    {
        if (_fleet is null)
        {
            _fleet = KumoiFleet.Create([_driver], new PollyCallPolicyFactory(), _faults, TimeProvider.System);
            await foreach (var outcome in _fleet.ConnectAsync([new ConnectRequest(Uri, null, [])], CancellationToken.None))
            {
                _ = outcome.Result;
            }

            _vm = Simulated("kvm01").VMs.Values.First(vm => vm.Name is "kvm01-1").Id;
        }

        var plan = new PairPlan(_vm, _folder.FullName, Hosts, new PairGoals(1), fence ?? [])
        {
            Silence = TimeSpan.FromMilliseconds(200),
            Engine = engine,
        };
        return new PairController(_fleet, plan, TimeProvider.System);
    }
}
