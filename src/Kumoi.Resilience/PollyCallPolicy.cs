using System.Runtime.ExceptionServices;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Polly;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace Kumoi.Resilience;

/// <summary>One host's policy: <c>retry(breaker(throttle(time-out(call))))</c>.</summary>
internal sealed class PollyCallPolicy(string host, ResiliencePipeline retryAndBreaker, IReadOnlyList<ResiliencePipeline> timeouts) : ICallPolicy
{
    public async Task<T> RunAsync<T>(
        CallKind kind,
        Func<CancellationToken, ValueTask<IDisposable>> enter,
        Func<CancellationToken, Task<T>> call,
        CancellationToken cancellationToken)
    {
        try
        {
            return kind is CallKind.Job
                ? await RunJobAsync(enter, call, cancellationToken)
                : await retryAndBreaker.ExecuteAsync(
                    static async (state, token) =>
                    {
                        using (await state.enter(token))
                        {
                            return await state.self.TryOnceAsync(state.kind, state.call, token);
                        }
                    },
                    (self: this, kind, enter, call),
                    cancellationToken);
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
    private async Task<T> RunJobAsync<T>(
        Func<CancellationToken, ValueTask<IDisposable>> enter, Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        ExceptionDispatchInfo? failure = null;
        var result = await retryAndBreaker.ExecuteAsync(
            async token =>
            {
                using (await enter(token))
                {
                    try
                    {
                        return await TryOnceAsync(CallKind.Job, call, token);
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

    private async Task<T> TryOnceAsync<T>(CallKind kind, Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        try
        {
            return await timeouts[(int)kind].ExecuteAsync(
                static async (call, token) => await call(token), call, cancellationToken);
        }
        catch (TimeoutRejectedException e)
        {
            var changes = kind is CallKind.Write or CallKind.Job;
            throw new HypervisorException(
                $"{host} did not answer within {e.Timeout.TotalSeconds:0.#} s.",
                FaultDomain.Host, isTransient: !changes, outcomeUnknown: changes, error: HypervisorError.TimedOut, innerException: e,
                recommendedAction: changes
                    ? "It may have been done all the same: read the VM with Get-KumoiVM before trying again."
                    : "See whether the host and its libvirt daemon are up; raise the limit with Connect-KumoiHost -TimeoutSec.");
        }
    }
}
