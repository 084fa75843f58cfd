using System.Collections.Concurrent;
using Kumoi.Hypervisors.Libvirt.Native;

namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>
/// One host through libvirt. Observing, controlling and watching have connections of their own, and so has every job, so that no call
/// waits behind one that is slow. A lost connection is made anew by the next call. What a call does is the business of its area.
/// </summary>
internal sealed class LibvirtLink : IHypervisorLink
{
    private const int MaxCallsAtATime = 4; // of each kind; each has a connection while it runs
    private const int MaxJobs = 64;

    private readonly CallTable<LibvirtLink> _calls;
    private readonly ConnectionSlot? _shared;
    private readonly ConnectionPool _observing;
    private readonly ConnectionPool _controlling;
    private readonly ConnectionSlot _watching;
    private readonly JobConnections _working;
    private readonly WorkerThreads _observers = new(MaxCallsAtATime) { IsForReads = true };
    private readonly WorkerThreads _controllers = new(MaxCallsAtATime);
    private readonly WorkerThreads _jobs = new(MaxJobs);
    private readonly LifecycleWatches _watches;
    private readonly ConcurrentDictionary<Type, object> _areas = new();
    private readonly HashSet<Task> _underWay = []; // guarded by itself
    private readonly CancellationTokenSource _closing = new();
    private int _isDisposed;

    public LibvirtLink(LibvirtUri uri, TimeProvider time, CallTable<LibvirtLink> calls)
    {
        _calls = calls;
        Address = uri;
        Time = time;
        HostName = uri.ExpectedName;
        _shared = uri.IsPrivatePerConnection ? new ConnectionSlot(uri, Label) : null;
        _observing = new ConnectionPool(uri, Label, _shared, isForReads: true);
        _controlling = new ConnectionPool(uri, Label, _shared, isForReads: false);
        _watching = _shared ?? new ConnectionSlot(uri, Label);
        _working = new JobConnections(uri, Label);
        _watches = new LifecycleWatches(_observers, _watching, time);
    }

    public string Uri => Address.Display;

    /// <summary>As expected by the URI, until the host has told its own.</summary>
    public string HostName { get; internal set; }

    public LibvirtUri Address { get; }

    public TimeProvider Time { get; }

    /// <summary>Under which other hosts reach this one's daemon; null where this link's URI does not tell.</summary>
    public string? PeerUri => Address.IsReachableFromOtherHosts ? Address.ForOpening : null;

    /// <summary>Cancelled when the link is being disposed.</summary>
    public CancellationToken Closing => _closing.Token;

    /// <summary>What an area keeps for this host, made at first use.</summary>
    public T Of<T>(Func<LibvirtLink, T> make)
        where T : class => (T)(_areas.TryGetValue(typeof(T), out var made) ? made : _areas.GetOrAdd(typeof(T), make(this)));

    public ValueTask<T> SendAsync<T>(HostCall<T> call, CancellationToken cancellationToken) =>
        _calls.SendAsync(this, call, cancellationToken);

    /// <summary>libvirt-domain: virConnectDomainEventRegisterAny. Ends when the link is disposed.</summary>
    public IAsyncEnumerable<VMLifecycleEvent> WatchAsync(CancellationToken cancellationToken) => _watches.WatchAsync(cancellationToken);

    /// <summary>Ends watches, waits a few seconds for calls that run, and closes the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        await _closing.CancelAsync();
        await Task.WhenAny(Task.WhenAll(UnderWay()), Task.Delay(WorkerThreads.Patience));
        await _watches.DisposeAsync();
        await Task.WhenAll(_jobs.DisposeAsync().AsTask(), _controllers.DisposeAsync().AsTask(), _observers.DisposeAsync().AsTask());

        // Closing tells the daemon, so it may block too.
        await using var closer = new WorkerThreads(maxThreads: 1);
        await Task.WhenAny(
            closer.RunAsync(
                () =>
                {
                    _watching.Dispose();
                    _observing.Dispose();
                    _controlling.Dispose();
                    _working.Dispose();
                    return true;
                },
                CancellationToken.None),
            Task.Delay(WorkerThreads.Patience));
    }

    /// <summary>Waits for work that disposing the link ends, and waits for.</summary>
    public async Task<T> KeepAsync<T>(Task<T> work)
    {
        lock (_underWay)
        {
            _underWay.Add(work);
        }

        try
        {
            return await work;
        }
        finally
        {
            lock (_underWay)
            {
                _underWay.Remove(work);
            }
        }
    }

    /// <summary>Runs a reading call on the observing connection.</summary>
    public Task<T> ReadAsync<T>(Func<LibvirtConnection, T> work, CancellationToken cancellationToken) =>
        _observers.RunAsync(() => _observing.Use(work), cancellationToken);

    /// <summary>Reads something of a VM that must be there.</summary>
    public Task<T> ReadAsync<T>(Guid id, Func<LibvirtConnection, DomainHandle, T> work, CancellationToken cancellationToken) => ReadAsync(
        connection =>
        {
            using var domain = connection.GetDomain(id);
            return work(connection, domain);
        },
        cancellationToken);

    /// <summary>Runs a reading call on a connection that no earlier one has used.</summary>
    public Task<T> ReadFreshAsync<T>(Func<LibvirtConnection, T> work, CancellationToken cancellationToken) =>
        _jobs.RunAsync(
            () =>
            {
                if (_shared is not null)
                {
                    return work(_shared.Get());
                }

                using var connection = LibvirtConnection.Open(Address, Label);
                return work(connection);
            },
            cancellationToken);

    /// <summary>Runs a changing call on the controlling connection.</summary>
    /// <param name="work">The call.</param>
    /// <param name="cancellationToken">Ends the waiting; the call itself goes on.</param>
    /// <param name="abandoned">What is done with the result if nobody waits for it any more.</param>
    /// <param name="over">Is called when all is over, whoever waits.</param>
    public Task<T> ControlAsync<T>(
        Func<LibvirtConnection, T> work, CancellationToken cancellationToken, Action<LibvirtConnection>? abandoned = null,
        Action? over = null) =>
        _controllers.RunAsync(
            () => _controlling.Use(work), cancellationToken,
            abandoned is null ? null : _ => _controlling.Use(connection =>
            {
                abandoned(connection);
                return true;
            }),
            over);

    /// <summary>Changes a VM on the controlling connection.</summary>
    public Task<Done> ChangeAsync(
        Guid id, Action<LibvirtConnection, DomainHandle> work, CancellationToken cancellationToken) => ControlAsync(
        connection =>
        {
            using var domain = connection.GetDomain(id);
            work(connection, domain);
            return default(Done);
        },
        cancellationToken);

    /// <summary>Runs a long call on a thread and a connection of its own.</summary>
    public Task<T> RunJobAsync<T>(Func<LibvirtConnection, T> work) => _jobs.RunAsync(() => WithJobConnection(work), CancellationToken.None);

    /// <summary>Runs what blocks on a thread of its own.</summary>
    public Task<T> BlockAsync<T>(Func<T> work) => _jobs.RunAsync(work, CancellationToken.None);

    /// <summary>Lends a connection of its own. Blocks.</summary>
    public T WithJobConnection<T>(Func<LibvirtConnection, T> work) => _shared is null ? _working.Use(work) : work(_shared.Get());

    /// <summary>The test driver's hosts are made anew with each connection.</summary>
    public void ThrowIfPrivatePerConnection()
    {
        if (_shared is not null)
        {
            throw new HypervisorException(
                $"Cannot drive a migration on {HostName}: each of its connections has a world of its own.",
                error: HypervisorError.NotSupported,
                recommendedAction: "Migrate between hosts of another driver, such as qemu.");
        }
    }

    private Task[] UnderWay()
    {
        lock (_underWay)
        {
            return [.. _underWay];
        }
    }

    private string Label() => HostName;
}
