using System.Runtime.ExceptionServices;
using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Polly;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace Kumoi.Resilience;

/// <summary>One host's policy: <c>retry(breaker(throttle(time-out(call))))</c>; to connect is tried again for fewer reasons.</summary>
internal sealed class PollyCallPolicy(
    string host, ResiliencePipeline retryAndBreaker, ResiliencePipeline connect, ResiliencePipeline retry, CircuitBreakerManualControl breaker,
    CircuitBreakerStateProvider breakerState, IReadOnlyList<ResiliencePipeline> timeouts) : ICallPolicy
{
    private string Host => host;

    private IReadOnlyList<ResiliencePipeline> Timeouts => timeouts;

    public async ValueTask<T> RunAsync<TState, T>(
        CallKind kind, ICallGate gate, Func<TState, CancellationToken, ValueTask<T>> call, TState state,
        CancellationToken cancellationToken)
    {
        var attempt = new Attempt<TState, T>(this, kind, gate, call, state);
        try
        {
            return kind is CallKind.Job ? await RunJobAsync(attempt, cancellationToken)
                : kind is CallKind.Probe ? await ProbeAsync(attempt, cancellationToken)
                : await (kind is CallKind.Connect ? connect : retryAndBreaker).ExecuteAsync(static (attempt, token) => attempt.RunAsync(token), attempt, cancellationToken);
        }
        catch (BrokenCircuitException e)
        {
            throw new HypervisorException(
                $"{host} failed repeatedly; calls to it are held back for now.",
                FaultDomain.Host, isTransient: true, error: HypervisorError.CircuitOpen, innerException: e,
                recommendedAction: "Look at the host; try again in a few seconds, or reconnect to it to try at once.");
        }
    }

    /// <summary>
    /// A job has a second host, its target, whose failures say nothing against this one: neither the breaker nor the retry sees them. Nor
    /// would anybody expect hours of work to begin anew by themselves.
    /// </summary>
    private async ValueTask<T> RunJobAsync<TState, T>(Attempt<TState, T> attempt, CancellationToken cancellationToken)
    {
        ExceptionDispatchInfo? failure = null;
        var result = await retryAndBreaker.ExecuteAsync(
            async token =>
            {
                using (await attempt.Gate.EnterAsync(token))
                {
                    try
                    {
                        return await attempt.TryOnceAsync(token);
                    }
                    catch (HypervisorException e)
                    {
                        failure = ExceptionDispatchInfo.Capture(e);
                        return default!;
                    }
                }
            },
            cancellationToken);
        failure?.Throw();
        return result;
    }

    /// <summary>A host that has answered is not held back any more.</summary>
    private async ValueTask<T> ProbeAsync<TState, T>(Attempt<TState, T> attempt, CancellationToken cancellationToken)
    {
        var result = await retry.ExecuteAsync(static (attempt, token) => attempt.RunAsync(token), attempt, cancellationToken);
        if (breakerState.CircuitState is not CircuitState.Closed)
        {
            await breaker.CloseAsync(cancellationToken);
        }

        return result;
    }

    /// <summary>One call, that may be tried several times.</summary>
    private readonly record struct Attempt<TState, T>(
        PollyCallPolicy Policy, CallKind Kind, ICallGate Gate, Func<TState, CancellationToken, ValueTask<T>> Call, TState State)
    {
        public async ValueTask<T> RunAsync(CancellationToken cancellationToken)
        {
            using (await Gate.EnterAsync(cancellationToken))
            {
                return await TryOnceAsync(cancellationToken);
            }
        }

        public async ValueTask<T> TryOnceAsync(CancellationToken cancellationToken)
        {
            try
            {
                return await Policy.Timeouts[(int)Kind].ExecuteAsync(
                    static (attempt, token) => attempt.Call(attempt.State, token), this, cancellationToken);
            }
            catch (TimeoutRejectedException e)
            {
                var changes = Kind is CallKind.Write or CallKind.Job;
                throw new HypervisorException(
                    $"{Policy.Host} did not answer within {e.Timeout.TotalSeconds:0.#} s.",
                    FaultDomain.Host, isTransient: !changes, outcomeUnknown: changes, error: HypervisorError.TimedOut, innerException: e,
                    recommendedAction: changes
                        ? "It may still have been done: read the VM with Get-KumoiVM before you try again."
                        : "See whether the host and its libvirt daemon are up; raise the limit with Connect-KumoiHost -TimeoutSec.");
            }
        }
    }
}
