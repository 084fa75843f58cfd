namespace Kumoi.Hypervisors;

/// <summary>
/// The way to one host's hypervisor. Safe for concurrent use; every call can be cancelled. Failures are
/// <see cref="HypervisorException"/>, cancellation is <see cref="OperationCanceledException"/>.
/// </summary>
public interface IHypervisorLink : IAsyncDisposable
{
    /// <summary>Under which the link was opened, without secrets.</summary>
    string Uri { get; }

    /// <summary>The host's name.</summary>
    string HostName { get; }

    /// <summary>Makes the call. Its result must be awaited once.</summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.NotSupported"/>: the hypervisor has no such call.</exception>
    ValueTask<T> SendAsync<T>(HostCall<T> call, CancellationToken cancellationToken);

    /// <summary>
    /// Lifecycle events from now on, until cancelled. Bounded: a reader that is too slow gets a <see cref="VMLifecycle.Gap"/>.
    /// </summary>
    IAsyncEnumerable<VMLifecycleEvent> WatchAsync(CancellationToken cancellationToken);
}
