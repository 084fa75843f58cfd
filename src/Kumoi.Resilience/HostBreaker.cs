using Kumoi.Fleets;
using Kumoi.Hypervisors;

namespace Kumoi.Resilience;

/// <summary>
/// One host's circuit breaker. So many failures of the host in a row, within the window, open it; after the pause one call at a time is
/// let through, and the first that the host answers closes it. (Polly's own breaker goes by the share of failures: a host that answered
/// well until a moment ago would be called in vain for the whole window.)
/// </summary>
internal sealed class HostBreaker(string host, FleetLimits limits, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Queue<long> _failures = new();
    private long? _openedAt;
    private bool _isProbing;

    public async ValueTask<T> RunAsync<T, TState>(
        Func<TState, CancellationToken, ValueTask<T>> call, TState state, CancellationToken cancellationToken)
    {
        var isProbe = Enter();
        bool? answered = null;
        try
        {
            var result = await call(state, cancellationToken);
            answered = true;
            return result;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // A failure of the VM, or a refused request, says nothing against the host: it has answered.
            answered = e is not HypervisorException { Error: HypervisorError.ConnectionFailed or HypervisorError.TimedOut };
            throw;
        }
        finally
        {
            Leave(isProbe, answered);
        }
    }

    private bool Enter()
    {
        lock (_gate)
        {
            if (_openedAt is not { } openedAt)
            {
                return false;
            }

            if (_isProbing || time.GetElapsedTime(openedAt) < limits.BreakerPause)
            {
                throw new HypervisorException(
                    $"{host} failed repeatedly; calls to it are held back for now.",
                    FaultDomain.Host, isTransient: true, error: HypervisorError.CircuitOpen,
                    recommendedAction: "Look at the host; try again in a few seconds, or reconnect to it to try at once.");
            }

            _isProbing = true;
            return true;
        }
    }

    /// <summary>Notes how a call ended.</summary>
    /// <param name="isProbe">The call was let through after the pause.</param>
    /// <param name="answered">Null: the caller gave up, and nothing is known.</param>
    private void Leave(bool isProbe, bool? answered)
    {
        lock (_gate)
        {
            if (isProbe)
            {
                _isProbing = false;
            }
            else if (_openedAt is not null)
            {
                return;
            }

            if (answered is true)
            {
                _failures.Clear();
                _openedAt = null;
            }
            else if (answered is false)
            {
                Count(isProbe);
            }
        }
    }

    private void Count(bool isProbe)
    {
        _failures.Enqueue(time.GetTimestamp());
        while (time.GetElapsedTime(_failures.Peek()) > limits.BreakerWindow)
        {
            _failures.Dequeue();
        }

        if (isProbe || _failures.Count >= limits.BreakerFailures)
        {
            _failures.Clear();
            _openedAt = time.GetTimestamp();
        }
    }
}
