namespace Kumoi.Fleets;

/// <summary>Time-outs, retries and circuit breakers around the calls to one host.</summary>
public interface ICallPolicy
{
    /// <summary>
    /// Makes the call. Only transient failures whose outcome is known are tried again, and no jobs.
    /// <paramref name="enter"/> waits for the throttle before each try, outside its time-out; disposing its result leaves.
    /// </summary>
    /// <exception cref="Hypervisors.HypervisorException">
    /// The call's own; or TimedOut (with an unknown outcome unless it was a read or a connect), or CircuitOpen.
    /// </exception>
    Task<T> RunAsync<T>(
        CallKind kind,
        Func<CancellationToken, ValueTask<IDisposable>> enter,
        Func<CancellationToken, Task<T>> call,
        CancellationToken cancellationToken);
}
