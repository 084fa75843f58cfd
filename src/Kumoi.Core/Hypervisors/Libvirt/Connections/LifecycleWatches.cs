using System.Runtime.CompilerServices;

namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>All watches of a link, and the feed of the connection that serves them now.</summary>
internal sealed class LifecycleWatches(WorkerThreads threads, ConnectionSlot connections, TimeProvider time) : IAsyncDisposable
{
    private const int Capacity = 1024;

    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _closing = new();
    private LifecycleFeed? _feed;

    /// <summary>Events from now on. After a lost connection it registers again, and tells a gap. Ends when this is disposed.</summary>
    public async IAsyncEnumerable<VMLifecycleEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var sink = new LifecycleSink(Capacity, time);
        var joined = await JoinAsync(sink, cancellationToken);
        try
        {
            while (joined is not null)
            {
                while (await sink.WaitAsync(cancellationToken))
                {
                    while (sink.TryTake(out var happened))
                    {
                        yield return happened;
                    }
                }

                joined.Remove(sink);
                sink = new LifecycleSink(Capacity, time);
                joined = await RejoinAsync(sink, cancellationToken);
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
        await _closing.CancelAsync();
        var released = threads.RunAsync(Leave, CancellationToken.None).Unwrap();
        await Task.WhenAny(released, Task.Delay(WorkerThreads.Patience));
    }

    private Task<LifecycleFeed> JoinAsync(LifecycleSink sink, CancellationToken cancellationToken) =>
        threads.RunAsync(() => Join(sink), cancellationToken, abandoned: late => late.Remove(sink));

    /// <summary>Blocks.</summary>
    private LifecycleFeed Join(LifecycleSink sink)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_closing.IsCancellationRequested, typeof(LibvirtLink));
            var connection = connections.Get();
            ObjectDisposedException.ThrowIf(_closing.IsCancellationRequested, typeof(LibvirtLink)); // connecting may have taken long
            if (_feed?.Connection != connection)
            {
                // That of a lost connection is given back here, when there is a new one.
                _feed?.Deregister();
                _feed = null;
                _feed = LifecycleFeed.Register(connection, time);
            }

            _feed.Add(sink);
            return _feed;
        }
    }

    /// <summary>Blocks. The task completes when libvirt has let go.</summary>
    private Task Leave()
    {
        lock (_gate)
        {
            var last = _feed;
            _feed = null;
            last?.Deregister();
            return last?.WhenReleased ?? Task.CompletedTask;
        }
    }

    /// <summary>Tries until it can, ever more rarely. Null when this is disposed.</summary>
    private async Task<LifecycleFeed?> RejoinAsync(LifecycleSink sink, CancellationToken cancellationToken)
    {
        var pause = FirstPause;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        while (true)
        {
            try
            {
                either.Token.ThrowIfCancellationRequested();
                return await JoinAsync(sink, either.Token);
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
                await Task.Delay(pause, time, either.Token);
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
        && _closing.IsCancellationRequested
        && !cancellationToken.IsCancellationRequested;
}
