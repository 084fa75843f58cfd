namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>
/// Notices that a migration does not come to its end. libvirt itself would wait for ever where the target is cut off or its daemon is dead
/// (measured; see the design's lab notes).
/// </summary>
internal sealed class StallDetector(TimeSpan timeout, TimeProvider time)
{
    private const int ManyRounds = 20;
    private const int MostLead = 10; // so many readings of something else end it

    private MigrationProgress _last = new(0, 0, 0, TimeSpan.Zero);
    private long _lastMove = time.GetTimestamp();
    private Idling? _idling;

    /// <summary>Whether nothing moved for the timeout.</summary>
    public bool IsStalled => time.GetElapsedTime(_lastMove) >= timeout;

    /// <summary>
    /// Whether it goes round and round with nothing left to send, for the timeout, instead of handing the guest over: so does QEMU 8.1 and
    /// newer while it does not hear that a target is ready for it ("switchover-ack"). All the time a little flows: what the guest writes,
    /// and each round's end.
    /// </summary>
    public bool IsIdling =>
        _idling is { } since && time.GetElapsedTime(since.Began) >= timeout && _last.Rounds - since.Rounds >= ManyRounds;

    public void Note(MigrationProgress progress)
    {
        var hasMoved = progress.BytesProcessed != _last.BytesProcessed
            || progress.BytesRemaining != _last.BytesRemaining
            || progress.BytesTotal != _last.BytesTotal;
        if (hasMoved)
        {
            _lastMove = time.GetTimestamp();
        }

        _idling = NextIdling(progress);
        _last = progress;
    }

    /// <summary>
    /// A guest that writes has something left now and then, so most of the readings count, and not each. A migration that only does not
    /// converge has something left in nearly all of them.
    /// </summary>
    private Idling? NextIdling(MigrationProgress progress)
    {
        // In its first moments a job's statistics are all zeros.
        var isEmpty = progress is { BytesProcessed: > 0, BytesRemaining: 0 };
        if (_idling is not { } now)
        {
            return isEmpty ? new Idling(time.GetTimestamp(), progress.Rounds, 1) : null;
        }

        var lead = Math.Min(now.Lead + (isEmpty ? 1 : -1), MostLead);
        return lead > 0 ? now with { Lead = lead } : null;
    }

    /// <summary>Since when nothing is left to send.</summary>
    /// <param name="Began">When that was read first.</param>
    /// <param name="Rounds">Of that moment.</param>
    /// <param name="Lead">How many more readings said so than said something else; of the last ones.</param>
    private readonly record struct Idling(long Began, long Rounds, int Lead);
}
