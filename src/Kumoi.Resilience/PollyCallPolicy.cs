using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Polly;
using Polly.Timeout;

namespace Kumoi.Resilience;

/// <summary>One host's policy: <c>retry(breaker(throttle(time-out(call))))</c>.</summary>
internal sealed class PollyCallPolicy(
    string host, ResiliencePipeline retry, HostBreaker breaker, IReadOnlyList<ResiliencePipeline> timeouts) : ICallPolicy
{
    public async Task<T> RunAsync<T>(
        CallKind kind,
        Func<CancellationToken, ValueTask<IDisposable>> enter,
        Func<CancellationToken, Task<T>> call,
        CancellationToken cancellationToken) => await retry.ExecuteAsync(
            static (state, token) => state.self.Breaker.RunAsync(
                static async (state, token) =>
                {
                    using (await state.enter(token))
                    {
                        return await state.self.TryOnceAsync(state.kind, state.call, token);
                    }
                },
                state,
                token),
            (self: this, kind, enter, call),
            cancellationToken);

    private HostBreaker Breaker => breaker;

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
