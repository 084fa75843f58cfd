using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>
/// Checkpoints by libvirt's live memory snapshots, in files on storage that all hosts of the pair and this computer have under the same
/// path: what stock libvirt can do, without touching QEMU. Each has the whole used memory, and survives its backup host.
/// </summary>
/// <remarks>
/// The cut is exact when the gate was emptied while the guest stood still: then what the gate has is what the state has put out. A
/// checkpoint with another cut does not count, and is made again.
/// </remarks>
internal sealed class SnapshotCheckpoints(PairPlan plan, ConsoleLog log, TimeProvider time) : ICheckpointEngine
{
    private const string Extension = ".checkpoint";

    /// <summary>How long the report may take that the guest goes on, when libvirt has ended the snapshot.</summary>
    private static readonly TimeSpan ReportPatience = TimeSpan.FromSeconds(2);

    public async Task<MadeCheckpoint?> MakeAsync(CheckpointJob job, CancellationToken cancellationToken)
    {
        var attempt = new CheckpointMark(job.Number, 0) { Attempt = Guid.NewGuid().ToString("N") };
        var cut = new Cut(job.Console, time);
        await using (await job.Primary.SendAsync(new WatchStops(plan.VM, cut.Note), cancellationToken))
        {
            // While libvirt makes the snapshot, QEMU takes no commands.
            await job.Network.CloseAsync(cancellationToken);
            await job.Network.CutAsync(cancellationToken);
            await job.Primary.SendAsync(new MakeCheckpoint(plan.VM, PathOf(attempt)), cancellationToken);
            await Task.WhenAny(cut.GoesOn, Task.Delay(ReportPatience, time, cancellationToken));
        }

        var state = new FileInfo(PathOf(attempt));
        return cut.Exact is { } position
            ? new MadeCheckpoint(attempt with { Cut = position }, cut.Pause, state.Exists ? state.Length : 0)
            : null;
    }

    /// <summary>Whoever has the folder has it.</summary>
    public Task<bool> HasAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken) =>
        Task.FromResult(true);

    public async Task<ConsoleGate> BringAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        var gate = new ConsoleGate(plan.ConsoleSocket, log, checkpoint.Cut, plan.MaxHeldBytes);
        try
        {
            await host.SendAsync(new RestoreCheckpoint(plan.VM, PathOf(checkpoint)), cancellationToken);
            return gate;
        }
        catch
        {
            gate.Dispose();
            throw;
        }
    }

    public async Task<TimeSpan> DrillAsync(IHypervisorLink host, CheckpointMark checkpoint, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        await host.SendAsync(new RestoreCheckpoint(plan.VM, PathOf(checkpoint), IsDrill: true), cancellationToken);
        var took = time.GetElapsedTime(begun);
        await host.SendAsync(new DestroyVM(plan.VM), cancellationToken); // where this fails, a takeover does it
        return took;
    }

    public Task DropAsync(CheckpointMark? but, CancellationToken cancellationToken)
    {
        var kept = but is null ? null : PathOf(but);
        foreach (var file in Directory.EnumerateFiles(plan.Folder, $"{plan.VM:N}-*{Extension}").Where(file => file != kept))
        {
            File.Delete(file);
        }

        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private string PathOf(CheckpointMark checkpoint) => Path.Combine(
        plan.Folder, FormattableString.Invariant($"{plan.VM:N}-{checkpoint.Number}-{checkpoint.Attempt}{Extension}"));

    /// <summary>Empties the gate when the guest stands still, and sees whether it still stood then.</summary>
    private sealed class Cut(ConsoleGate gate, TimeProvider time)
    {
        private readonly TaskCompletionSource _goesOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private long? _position;
        private DateTimeOffset _drained;
        private DateTimeOffset _stopped;

        public Task GoesOn => _goesOn.Task;

        /// <summary>How long the guest stood still.</summary>
        public TimeSpan Pause { get; private set; }

        /// <summary>What the state has put out; null: not known.</summary>
        public long? Exact { get; private set; }

        public void Note(GuestStop stop)
        {
            if (stop.IsStopped)
            {
                _stopped = stop.At;
                _position = gate.Cut();
                _drained = time.GetUtcNow();
            }
            else
            {
                Pause = stop.At - _stopped;
                Exact = _drained < stop.At ? _position : null;
                _goesOn.TrySetResult();
            }
        }
    }
}
