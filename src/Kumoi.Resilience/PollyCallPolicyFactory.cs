using Kumoi.Fleets;
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
        // A failure of the VM, or a refused request, says nothing about the host: only the host's own failures open its breaker.
        var breaker = new CircuitBreakerStrategyOptions
        {
            FailureRatio = 1,
            MinimumThroughput = limits.BreakerFailures,
            SamplingDuration = limits.BreakerWindow,
            BreakDuration = limits.BreakerPause,
            ShouldHandle = new PredicateBuilder().Handle<HypervisorException>(
                e => e.Error is HypervisorError.ConnectionFailed or HypervisorError.TimedOut),
        };
        var builder = new ResiliencePipelineBuilder { TimeProvider = time };
        if (limits.Retries > 0)
        {
            builder.AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = limits.Retries,
                Delay = limits.RetryDelay,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                ShouldHandle = new PredicateBuilder().Handle<HypervisorException>(e => e.IsTransient && !e.OutcomeUnknown),
            });
        }

        var pipeline = builder.AddCircuitBreaker(breaker).Build();
        return new PollyCallPolicy(host, pipeline, Enum.GetValues<CallKind>().Select(kind => Timeout(limits, kind)).ToArray());
    }

    private ResiliencePipeline Timeout(FleetLimits limits, CallKind kind) =>
        limits.TimeoutOf(kind) is { } timeout
            ? new ResiliencePipelineBuilder { TimeProvider = time }.AddTimeout(new TimeoutStrategyOptions { Timeout = timeout }).Build()
            : ResiliencePipeline.Empty;
}
