using System.Runtime.CompilerServices;

namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>All watches of a link, and the feed of the connection that serves them now.</summary>
internal sealed class LifecycleWatches(WorkerThreads threads, ConnectionSlot connections, TimeProvider time) : IAsyncDisposable
{
    private const int Capacity = 1024;

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly Lock gate = new();
    private readonly CancellationTokenSource closing = new();
    private LifecycleFeed? feed;

    /// <summary>Events from now on. After a lost connection it registers again, and tells a gap. Ends when this is disposed.</summary>
    public async IAsyncEnumerable<VMLifecycleEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        LifecycleSink sink = new(Capacity, time);
        LifecycleFeed? joined = await JoinAsync(sink, cancellationToken).ConfigureAwait(false);
        try
        {
            while (joined is not null)
            {
                while (await sink.WaitAsync(cancellationToken).ConfigureAwait(false))
                {
                    while (sink.TryTake(out VMLifecycleEvent happened))
                    {
                        yield return happened;
                    }
                }

                joined.Remove(sink);
                sink = new LifecycleSink(Capacity, time);
                joined = await RejoinAsync(sink, cancellationToken).ConfigureAwait(false);
                if (joined is not null)
                {
                    yield return sink.Gap();
                }
            }
        }
        finally
        {
            joined?.Remove(sink);
        }
    }

    /// <summary>Ends all watches, and gives the connection free. Before the threads end.</summary>
    public async ValueTask DisposeAsync()
    {
        await closing.CancelAsync().ConfigureAwait(false);
        Task released = threads.RunAsync(Leave, CancellationToken.None).Unwrap();
        await Task.WhenAny(released, Task.Delay(WorkerThreads.Patience)).ConfigureAwait(false);
    }

    private Task<LifecycleFeed> JoinAsync(LifecycleSink sink, CancellationToken cancellationToken) =>
        threads.RunAsync(() => Join(sink), cancellationToken, abandoned: late => late.Remove(sink));

    /// <summary>Blocks.</summary>
    private LifecycleFeed Join(LifecycleSink sink)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(closing.IsCancellationRequested, typeof(LibvirtLink));
            LibvirtConnection connection = connections.Get();
            ObjectDisposedException.ThrowIf(closing.IsCancellationRequested, typeof(LibvirtLink)); // connecting may have taken long
            if (feed?.Connection != connection)
            {
                // That of a lost connection is given back here, when there is a new one.
                feed?.Deregister();
                feed = null;
                feed = LifecycleFeed.Register(connection, time);
            }

            feed.Add(sink);
            return feed;
        }
    }

    /// <summary>Blocks. The task completes when libvirt has let go.</summary>
    private Task Leave()
    {
        lock (gate)
        {
            LifecycleFeed? last = feed;
            feed = null;
            last?.Deregister();
            return last?.WhenReleased ?? Task.CompletedTask;
        }
    }

    /// <summary>Tries until it can, ever more rarely. Null when this is disposed.</summary>
    private async Task<LifecycleFeed?> RejoinAsync(LifecycleSink sink, CancellationToken cancellationToken)
    {
        TimeSpan pause = FirstPause;
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, closing.Token);
        while (true)
        {
            try
            {
                either.Token.ThrowIfCancellationRequested();
                return await JoinAsync(sink, either.Token).ConfigureAwait(false);
            }
            catch (HypervisorException e) when (e.IsTransient)
            {
                // The host is not back yet; who reads it learns the same from its own calls.
            }
            catch (Exception e) when (IsClosing(e, cancellationToken))
            {
                return null;
            }

            try
            {
                await Task.Delay(pause, time, either.Token).ConfigureAwait(false);
            }
            catch (Exception e) when (IsClosing(e, cancellationToken))
            {
                return null;
            }

            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    private bool IsClosing(Exception e, CancellationToken cancellationToken) =>
        e is OperationCanceledException or ObjectDisposedException
        && closing.IsCancellationRequested
        && !cancellationToken.IsCancellationRequested;
}
