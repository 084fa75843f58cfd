using Kumoi.FaultTolerance.Protocols;

namespace Kumoi.FaultTolerance.Gates;

/// <summary>
/// The console output that is held for a checkpoint, in a file with its name: what a checkpoint covers goes out wherever its controller has
/// died.
/// </summary>
internal sealed class HeldOutput(Guid vm, string folder)
{
    private const string Extension = ".held";

    /// <summary>Writes down what the gate holds up to the checkpoint's cut.</summary>
    public async Task WriteAsync(CheckpointMark checkpoint, ConsoleGate gate, CancellationToken cancellationToken)
    {
        var (from, output) = gate.Read(checkpoint.Cut);
        var path = PathOf(checkpoint);
        await using (var file = new FileStream(path + ".new", FileMode.Create, FileAccess.Write, FileShare.None))
        {
            await file.WriteAsync(BitConverter.GetBytes(from), cancellationToken);
            await file.WriteAsync(output, cancellationToken);
            file.Flush(flushToDisk: true);
        }

        File.Move(path + ".new", path, overwrite: true); // a checkpoint may count before this is written a second time
    }

    /// <summary>Lets out what a committed checkpoint covers.</summary>
    public void Release(CheckpointMark checkpoint, ConsoleLog log)
    {
        var held = File.ReadAllBytes(PathOf(checkpoint));
        log.Append(BitConverter.ToInt64(held), held.AsSpan(sizeof(long)));
    }

    /// <summary>Removes what was held for all checkpoints but one, or, with null, all.</summary>
    public void Drop(CheckpointMark? but)
    {
        var kept = but is null ? null : PathOf(but);
        foreach (var file in Directory.EnumerateFiles(folder, $"{vm:N}-*{Extension}*").Where(file => file != kept))
        {
            File.Delete(file);
        }
    }

    private string PathOf(CheckpointMark checkpoint) =>
        Path.Combine(folder, FormattableString.Invariant($"{vm:N}-{checkpoint.Number}-{checkpoint.Attempt}{Extension}"));
}
