using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>Time-outs, retries and circuit breakers around the calls to one host.</summary>
public interface ICallPolicy
{
    /// <summary>
    /// Makes the call. Only transient failures whose outcome is known are tried again, and no jobs.
    /// </summary>
    /// <param name="kind">What kind of call it is; not a step.</param>
    /// <param name="gate">Is entered before each try, outside its time-out.</param>
    /// <param name="call">The call.</param>
    /// <param name="state">What it needs.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="HypervisorException">
    /// The call's own; or TimedOut (with an unknown outcome unless it was a read or a connect), or CircuitOpen.
    /// </exception>
    ValueTask<T> RunAsync<TState, T>(
        CallKind kind, ICallGate gate, Func<TState, CancellationToken, ValueTask<T>> call, TState state,
        CancellationToken cancellationToken);
}
