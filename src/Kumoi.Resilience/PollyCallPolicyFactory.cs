using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;
using Polly.Timeout;

namespace Kumoi.Resilience;

/// <summary>Core's call policies on Polly: retry with jitter, circuit breaker per host, time-out per try.</summary>
public sealed class PollyCallPolicyFactory(TimeProvider time) : ICallPolicyFactory
{
    public PollyCallPolicyFactory()
        : this(TimeProvider.System)
    {
    }

    public ICallPolicy ForHost(string host, FleetLimits limits)
    {
        var control = new CircuitBreakerManualControl();
        var state = new CircuitBreakerStateProvider();
        var breaker = new ResiliencePipelineBuilder { TimeProvider = time }.AddCircuitBreaker(new CircuitBreakerStrategyOptions
        {
            FailureRatio = 0.5,
            MinimumThroughput = limits.BreakerMinimumCalls,
            SamplingDuration = limits.BreakerWindow,
            BreakDuration = limits.BreakerPause,
            ManualControl = control,
            StateProvider = state,
            // A failure of the VM, or a refused request, says nothing against the host: it has answered.
            ShouldHandle = new PredicateBuilder().Handle<HypervisorException>(
                e => e.Error is HypervisorError.ConnectionFailed or HypervisorError.TimedOut),
        }).Build();
        return new PollyCallPolicy(
            host, Retry(limits, IsWorthAnother).AddPipeline(breaker).Build(), Retry(limits, IsWorthAnotherConnection).AddPipeline(breaker).Build(),
            Retry(limits, IsWorthAnother).Build(), control, state,
            Enum.GetValues<CallKind>().Select(kind => Timeout(limits, kind)).ToArray());
    }

    private static bool IsWorthAnother(HypervisorException e) => e.IsTransient && !e.OutcomeUnknown;

    /// <summary>Who asks for a host waits for it: not for the same refusal again, and not for a second time-out.</summary>
    private static bool IsWorthAnotherConnection(HypervisorException e) =>
        IsWorthAnother(e) && !e.IsRefusal && e.Error is not HypervisorError.TimedOut;

    private ResiliencePipelineBuilder Retry(FleetLimits limits, Func<HypervisorException, bool> isWorthAnother)
    {
        var builder = new ResiliencePipelineBuilder { TimeProvider = time };
        return limits.Retries == 0 ? builder : builder.AddRetry(new RetryStrategyOptions
        {
            MaxRetryAttempts = limits.Retries,
            Delay = limits.RetryDelay,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            ShouldHandle = new PredicateBuilder().Handle(isWorthAnother),
        });
    }

    private ResiliencePipeline Timeout(FleetLimits limits, CallKind kind) =>
        limits.TimeoutOf(kind) is { } timeout
            ? new ResiliencePipelineBuilder { TimeProvider = time }.AddTimeout(new TimeoutStrategyOptions { Timeout = timeout }).Build()
            : ResiliencePipeline.Empty;
}
