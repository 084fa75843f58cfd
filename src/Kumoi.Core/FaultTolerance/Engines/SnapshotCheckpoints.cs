using Kumoi.FaultTolerance.Gates;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>
/// Checkpoints by libvirt's live memory snapshots, in files on storage that all hosts of the pair and this computer have under the same
/// path: what stock libvirt can do, without touching QEMU. Each has the whole used memory.
/// </summary>
/// <remarks>
/// The cut is exact when the gate was emptied while the guest stood still: then what the gate has is what the state has put out. A
/// checkpoint with another cut does not count, and is made again.
/// </remarks>
internal sealed class SnapshotCheckpoints(Guid vm, string folder, TimeProvider time)
{
    /// <summary>How long the report may take that the guest goes on, when libvirt has ended the snapshot.</summary>
    private static readonly TimeSpan ReportPatience = TimeSpan.FromSeconds(2);

    public string PathOf(CheckpointMark checkpoint) =>
        Path.Combine(folder, FormattableString.Invariant($"{vm:N}-{checkpoint.Number}-{checkpoint.Attempt}.checkpoint"));

    /// <summary>Makes a checkpoint and writes its held output beside it; null: its cut is not exact.</summary>
    /// <exception cref="HypervisorException">It does not count.</exception>
    public async Task<(CheckpointMark Mark, CheckpointMeasure Measure)?> MakeAsync(
        IHypervisorLink host, ConsoleGate gate, int number, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        var attempt = new CheckpointMark(number, 0) { Attempt = Guid.NewGuid().ToString("N") };
        var path = PathOf(attempt);
        var cut = new Cut(gate, time);
        await using (await host.SendAsync(new WatchStops(vm, cut.Note), cancellationToken))
        {
            await host.SendAsync(new MakeCheckpoint(vm, path), cancellationToken);
            await Task.WhenAny(cut.GoesOn, Task.Delay(ReportPatience, time, cancellationToken));
        }

        if (cut.Exact is not { } position)
        {
            return null;
        }

        var (from, output) = gate.Read(position);
        await WriteAsync(path + ".held", from, output, cancellationToken);
        var bytes = File.Exists(path) ? new FileInfo(path).Length : 0; // a simulated host writes none
        return (attempt with { Cut = position }, new CheckpointMeasure(cut.Pause, time.GetElapsedTime(begun), bytes + output.Length));
    }

    /// <summary>Lets out what a committed checkpoint covers, wherever its controller has died.</summary>
    public void Release(CheckpointMark checkpoint, ConsoleLog log)
    {
        var held = File.ReadAllBytes(PathOf(checkpoint) + ".held");
        log.Append(BitConverter.ToInt64(held), held.AsSpan(sizeof(long)));
    }

    /// <summary>Removes all checkpoints but one, or, with null, all.</summary>
    public void Drop(CheckpointMark? but)
    {
        var kept = but is null ? null : PathOf(but);
        foreach (var file in Directory.EnumerateFiles(folder, $"{vm:N}-*"))
        {
            if (kept is null || (file != kept && file != kept + ".held"))
            {
                File.Delete(file);
            }
        }
    }

    private static async Task WriteAsync(string path, long from, byte[] output, CancellationToken cancellationToken)
    {
        await using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None);
        await file.WriteAsync(BitConverter.GetBytes(from), cancellationToken);
        await file.WriteAsync(output, cancellationToken);
        file.Flush(flushToDisk: true);
    }

    /// <summary>Empties the gate when the guest stands still, and sees whether it still stood then.</summary>
    private sealed class Cut(ConsoleGate gate, TimeProvider time)
    {
        private readonly TaskCompletionSource _goesOn = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private long? _position;
        private DateTimeOffset _drained;
        private DateTimeOffset _stopped;

        public Task GoesOn => _goesOn.Task;

        /// <summary>What the state has put out; null: not known.</summary>
        public long? Exact { get; private set; }

        /// <summary>How long the guest stood still.</summary>
        public TimeSpan Pause { get; private set; }

        public void Note(GuestStop stop)
        {
            if (stop.IsStopped)
            {
                _position = gate.Drain();
                _drained = time.GetUtcNow();
                _stopped = stop.At;
            }
            else
            {
                Exact = _drained < stop.At ? _position : null;
                Pause = stop.At - _stopped;
                _goesOn.TrySetResult();
            }
        }
    }
}
