using System.Runtime.ExceptionServices;
using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Polly;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace Kumoi.Resilience;

/// <summary>
/// One host's policy: <c>retry(breaker(throttle(time-out(call))))</c>; to connect is tried again for fewer reasons. For Polly every call
/// answers an object: its strategies are made for objects, and convert any other outcome, there and back.
/// </summary>
internal sealed class PollyCallPolicy : ICallPolicy
{
    private readonly string _host;
    private readonly PollyPipelines _pipelines;
    private readonly ResiliencePipeline _retryAndBreaker;
    private readonly ResiliencePipeline _connect;
    private readonly CircuitBreakerManualControl _breaker;
    private readonly CircuitBreakerStateProvider _breakerState;

    /// <summary>One for all calls: they cost no closure.</summary>
    private readonly Func<PolicyCall, CancellationToken, ValueTask<object?>> _try;

    public PollyCallPolicy(
        string host, PollyPipelines pipelines, ResiliencePipeline breaker, CircuitBreakerManualControl control,
        CircuitBreakerStateProvider state)
    {
        _host = host;
        _pipelines = pipelines;
        _retryAndBreaker = new ResiliencePipelineBuilder().AddPipeline(pipelines.Retry).AddPipeline(breaker).Build();
        _connect = new ResiliencePipelineBuilder().AddPipeline(pipelines.RetryOfConnecting).AddPipeline(breaker).Build();
        _breaker = control;
        _breakerState = state;
        _try = TryAsync;
    }

    public async ValueTask RunAsync(PolicyCall call, CancellationToken cancellationToken)
    {
        try
        {
            switch (call.Kind)
            {
                case CallKind.Job:
                    await RunJobAsync(call, cancellationToken);
                    break;
                case CallKind.Probe:
                    await ProbeAsync(call, cancellationToken);
                    break;
                default:
                    await (call.Kind is CallKind.Connect ? _connect : _retryAndBreaker).ExecuteAsync(_try, call, cancellationToken);
                    break;
            }
        }
        catch (BrokenCircuitException e)
        {
            throw new HypervisorException(
                $"{_host} failed repeatedly; calls to it are held back for now.",
                FaultDomain.Host, isTransient: true, error: HypervisorError.CircuitOpen, innerException: e,
                recommendedAction: "Look at the host; try again in a few seconds, or reconnect to it to try at once.");
        }
    }

    /// <summary>
    /// A job has a second host, its target, whose failures say nothing against this one: neither the breaker nor the retry sees them. Nor
    /// would anybody expect hours of work to begin anew by themselves.
    /// </summary>
    private async Task RunJobAsync(PolicyCall call, CancellationToken cancellationToken)
    {
        ExceptionDispatchInfo? failure = null;
        await _retryAndBreaker.ExecuteAsync(
            async (job, token) =>
            {
                try
                {
                    return await TryAsync(job, token);
                }
                catch (HypervisorException e)
                {
                    failure = ExceptionDispatchInfo.Capture(e);
                    return null;
                }
            },
            call,
            cancellationToken);
        failure?.Throw();
    }

    /// <summary>A host that has answered is not held back any more.</summary>
    private async Task ProbeAsync(PolicyCall call, CancellationToken cancellationToken)
    {
        await _pipelines.Retry.ExecuteAsync(_try, call, cancellationToken);
        if (_breakerState.CircuitState is not CircuitState.Closed)
        {
            await _breaker.CloseAsync(cancellationToken);
        }
    }

    private async ValueTask<object?> TryAsync(PolicyCall call, CancellationToken cancellationToken)
    {
        await call.Gate.EnterAsync(cancellationToken);
        try
        {
            return await _pipelines.TimeoutOf(call.Kind).ExecuteAsync(
                static async (call, token) =>
                {
                    await call.TryAsync(token);
                    return (object?)null;
                },
                call,
                cancellationToken);
        }
        catch (TimeoutRejectedException e)
        {
            var changes = call.Kind is CallKind.Write or CallKind.Job;
            throw new HypervisorException(
                $"{_host} did not answer within {e.Timeout.TotalSeconds:0.#} s.",
                FaultDomain.Host, isTransient: !changes, outcomeUnknown: changes, error: HypervisorError.TimedOut, innerException: e,
                recommendedAction: changes
                    ? "It may still have been done: read the VM with Get-KumoiVM before you try again."
                    : "See whether the host and its libvirt daemon are up; raise the limit with Connect-KumoiHost -TimeoutSec.");
        }
        finally
        {
            call.Gate.Leave();
        }
    }
}
