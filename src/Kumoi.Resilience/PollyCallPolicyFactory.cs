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
        var builder = Retry(limits);
        builder.AddCircuitBreaker(new CircuitBreakerStrategyOptions
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
        });
        return new PollyCallPolicy(
            host, builder.Build(), Retry(limits).Build(), control, state,
            Enum.GetValues<CallKind>().Select(kind => Timeout(limits, kind)).ToArray());
    }

    private ResiliencePipelineBuilder Retry(FleetLimits limits)
    {
        var builder = new ResiliencePipelineBuilder { TimeProvider = time };
        return limits.Retries == 0 ? builder : builder.AddRetry(new RetryStrategyOptions
        {
            MaxRetryAttempts = limits.Retries,
            Delay = limits.RetryDelay,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            ShouldHandle = new PredicateBuilder().Handle<HypervisorException>(e => e.IsTransient && !e.OutcomeUnknown),
        });
    }

    private ResiliencePipeline Timeout(FleetLimits limits, CallKind kind) =>
        limits.TimeoutOf(kind) is { } timeout
            ? new ResiliencePipelineBuilder { TimeProvider = time }.AddTimeout(new TimeoutStrategyOptions { Timeout = timeout }).Build()
            : ResiliencePipeline.Empty;
}
