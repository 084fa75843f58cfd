namespace Kumoi.Hypervisors;

/// <summary>What a driver does for each call: one handler for each type of call. It is filled once, area by area.</summary>
/// <typeparam name="TLink">The driver's link.</typeparam>
/// <param name="driver">The driver's name.</param>
internal sealed class CallTable<TLink>(string driver)
    where TLink : IHypervisorLink
{
    private readonly Dictionary<Type, object> _handlers = [];

    /// <summary>The calls that the driver has.</summary>
    public IEnumerable<Type> Calls => _handlers.Keys;

    public CallTable<TLink> Add<TCall, T>(Func<TLink, TCall, CancellationToken, Task<T>> handle)
        where TCall : HostCall<T>
    {
        _handlers.Add(typeof(TCall), new Handler<TCall, T>(handle));
        return this;
    }

    public ValueTask<T> SendAsync<T>(TLink link, HostCall<T> call, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(call);
        return _handlers.TryGetValue(call.GetType(), out var handler)
            ? new ValueTask<T>(((IHandler<T>)handler).HandleAsync(link, call, cancellationToken))
            : throw new HypervisorException(
                $"The {driver} driver cannot do {call.Name} on {link.HostName}.", FaultDomain.Host, error: HypervisorError.NotSupported,
                recommendedAction: "Use a host of another driver.");
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
