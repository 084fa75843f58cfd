using Kumoi.Composition;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Simulated;
using Kumoi.Resilience;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Pairs;

/// <summary>While no checkpoint counts, output goes out, whatever becomes of what other hosts have.</summary>
public sealed class PairAloneTests : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("kumoi-alone-");
    private readonly ManualTime _time = new();
    private readonly Fleet _fleet = KumoiFleet.Create(
        [new SimulatedDriver(TimeProvider.System)], new PollyCallPolicyFactory(), new FaultPlan(new Random(1), TimeProvider.System),
        TimeProvider.System);

    public async ValueTask DisposeAsync()
    {
        await _fleet.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task A_host_that_does_not_remove_its_standby_does_not_keep_the_VM_from_its_output_and_from_another_backup()
    {
        await foreach (var outcome in _fleet.ConnectAsync(
            [new ConnectRequest("sim://lab?hosts=2&vms=1&running=1", null, [])], TestContext.Current.CancellationToken))
        {
            _ = outcome.Result;
        }

        var vm = (await _fleet.Find("kvm01")!.Link.SendAsync(new ReadVMs(), TestContext.Current.CancellationToken))[0].Id;
        var plan = new PairPlan(vm, _folder.FullName, ["kvm01", "kvm02"], new PairGoals(1), []);
        using var output = new PairOutput(plan);
        var engine = new StuckEngine();
        var alone = new PairAlone(plan, new PairHosts(_fleet, plan, _time), output, engine, _time);

        var running = alone.RunAsync("kvm01", vm, CancellationToken.None, TestContext.Current.CancellationToken);
        await _time.WaitingAsync(plan.FencePatience);
        Assert.False(running.IsCompleted);
        _time.Advance(plan.FencePatience);

        Assert.Equal(new PairEvent.BackupChosen("kvm02"), await running.WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.True(engine.WasGivenUp);
    }

    /// <summary>Its host does not answer when it is to remove what it has.</summary>
    private sealed class StuckEngine : ICheckpointEngine
    {
        public bool WasGivenUp { get; private set; }

        public async Task DropAsync(CheckpointMark? but, CancellationToken cancellationToken)
        {
            try
            {
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }
            finally
            {
                WasGivenUp = cancellationToken.IsCancellationRequested;
            }
        }

        public Task<MadeCheckpoint?> MakeAsync(CheckpointJob job, CancellationToken cancellationToken) =>
            throw new InvalidOperationException();

        public Task<bool> HasAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken) =>
            throw new InvalidOperationException();

        public Task<ConsoleGate> BringAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken) =>
            throw new InvalidOperationException();

        public Task<TimeSpan> DrillAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken) =>
            throw new InvalidOperationException();

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
