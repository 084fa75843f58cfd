using Kumoi.Hypervisors;

namespace Kumoi.Fleets.Links;

/// <summary>Time-outs, retries and circuit breakers around the calls to one host.</summary>
public interface ICallPolicy
{
    /// <summary>
    /// Makes the call. Only transient failures whose outcome is known are tried again, and no jobs.
    /// </summary>
    /// <exception cref="HypervisorException">
    /// The call's own; or TimedOut (with an unknown outcome unless it was a read or a connect), or CircuitOpen.
    /// </exception>
    Task RunAsync(PolicyCall call, CancellationToken cancellationToken);
}
