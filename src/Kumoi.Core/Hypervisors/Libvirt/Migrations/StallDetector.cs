namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// Notices that a migration moves no byte. libvirt itself would wait for ever where the target is cut off or its daemon is dead
/// (measured; see the design's lab notes).
/// </summary>
internal sealed class StallDetector(TimeSpan timeout, TimeProvider time)
{
    private MigrationProgress last;
    private long lastMove = time.GetTimestamp();

    /// <summary>Whether nothing moved for the timeout.</summary>
    public bool IsStalled => time.GetElapsedTime(lastMove) >= timeout;

    public void Note(MigrationProgress progress)
    {
        bool hasMoved = progress.BytesProcessed != last.BytesProcessed
            || progress.BytesRemaining != last.BytesRemaining
            || progress.BytesTotal != last.BytesTotal;
        if (hasMoved)
        {
            last = progress;
            lastMove = time.GetTimestamp();
        }
    }
}
