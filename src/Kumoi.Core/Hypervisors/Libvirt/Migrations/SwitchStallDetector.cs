namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// Notices that the source has sent all, so that the guest is paused, and no target says that it has the whole state: QEMU would wait for
/// ever, and the guest with it. While a target still takes what waits for it, there is hope.
/// </summary>
internal sealed class SwitchStallDetector(TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private long _takenBytes = -1;
    private long? _since;

    public bool IsStalled => _since is { } moment && time.GetElapsedTime(moment) >= Patience;

    /// <summary>Tells it what is so now.</summary>
    /// <param name="progress">Of the source's job; null: it has none (any more).</param>
    /// <param name="taken">How many bytes all targets have taken together.</param>
    public void Note(MigrationProgress? progress, long taken)
    {
        // In its first moments a job's statistics are all zeros.
        var waits = progress is { BytesProcessed: > 0, BytesRemaining: 0 } && taken == _takenBytes;
        _takenBytes = taken;
        _since = waits ? _since ?? time.GetTimestamp() : null;
    }
}
