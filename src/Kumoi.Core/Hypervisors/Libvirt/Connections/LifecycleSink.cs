using System.Threading.Channels;

namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>The bounded queue of one watch. What does not fit is dropped, and remembered as a gap.</summary>
internal sealed class LifecycleSink(int capacity, TimeProvider time)
{
    private readonly Channel<VMLifecycleEvent> _events = Channel.CreateBounded<VMLifecycleEvent>(
        new BoundedChannelOptions(capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private int _hasGap;

    /// <summary>Never blocks.</summary>
    public void Post(VMLifecycleEvent happened)
    {
        if (!_events.Writer.TryWrite(happened))
        {
            Volatile.Write(ref _hasGap, 1);

            // If the reader has just emptied the queue, this wakes it to see the gap; else it comes by anyway.
            _events.Writer.TryWrite(Gap());
        }
    }

    /// <summary>No more events: the reader ends after those that are there.</summary>
    public void Complete() => _events.Writer.TryComplete();

    /// <summary>Whether there are events to take; false when there will be none any more.</summary>
    public ValueTask<bool> WaitAsync(CancellationToken cancellationToken) => _events.Reader.WaitToReadAsync(cancellationToken);

    /// <summary>The next event; a gap as soon as events were dropped.</summary>
    public bool TryTake(out VMLifecycleEvent happened)
    {
        if (Interlocked.Exchange(ref _hasGap, 0) != 0)
        {
            happened = Gap();
            return true;
        }

        return _events.Reader.TryRead(out happened);
    }

    /// <summary>Tells the reader that it may have missed events.</summary>
    public VMLifecycleEvent Gap() => new(time.GetUtcNow(), Guid.Empty, "", VMLifecycle.Gap);
}
