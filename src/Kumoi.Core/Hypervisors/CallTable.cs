using System.Collections.Concurrent;

namespace Kumoi.Hypervisors;

/// <summary>
/// What a driver does for each call: one handler for each type of call. It is filled area by area, as far as is needed: a session that only
/// reads does not make what is for everything else.
/// </summary>
/// <typeparam name="TLink">The driver's link.</typeparam>
/// <param name="driver">The driver's name.</param>
/// <param name="areas">Each adds its handlers; those first whose calls come first.</param>
internal sealed class CallTable<TLink>(string driver, params Action<CallTable<TLink>>[] areas)
    where TLink : IHypervisorLink
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Type, object> _handlers = []; // of the areas so far, guarded by the gate
    private readonly ConcurrentDictionary<Type, object?> _known = new(); // null: the driver has none
    private int _filled;

    /// <summary>The calls that the driver has.</summary>
    public IReadOnlyCollection<Type> Calls
    {
        get
        {
            lock (_gate)
            {
                while (FillNext())
                {
                }

                return [.. _handlers.Keys];
            }
        }
    }

    /// <summary>Only for an area that is being added.</summary>
    public CallTable<TLink> Add<TCall, T>(Func<TLink, TCall, CancellationToken, Task<T>> handle)
        where TCall : HostCall<T>
    {
        _handlers.Add(typeof(TCall), new Handler<TCall, T>(handle));
        return this;
    }

    public ValueTask<T> SendAsync<T>(TLink link, HostCall<T> call, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(call);
        return (_known.TryGetValue(call.GetType(), out var handler) ? handler : Find(call.GetType())) is IHandler<T> known
            ? new ValueTask<T>(known.HandleAsync(link, call, cancellationToken))
            : throw new HypervisorException(
                $"The {driver} driver cannot do {call.Name} on {link.HostName}.", FaultDomain.Host, error: HypervisorError.NotSupported,
                recommendedAction: "Use a host of another driver.");
    }

    private object? Find(Type call)
    {
        lock (_gate)
        {
            object? handler;
            while (!_handlers.TryGetValue(call, out handler) && FillNext())
            {
            }

            return _known[call] = handler;
        }
    }

    private bool FillNext()
    {
        if (_filled == areas.Length)
        {
            return false;
        }

        areas[_filled++](this);
        return true;
    }

    private interface IHandler<T>
    {
        Task<T> HandleAsync(TLink link, HostCall<T> call, CancellationToken cancellationToken);
    }

    private sealed class Handler<TCall, T>(Func<TLink, TCall, CancellationToken, Task<T>> handle) : IHandler<T>
        where TCall : HostCall<T>
    {
        public Task<T> HandleAsync(TLink link, HostCall<T> call, CancellationToken cancellationToken) =>
            handle(link, (TCall)call, cancellationToken);
    }
}
