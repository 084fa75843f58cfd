using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace Kumoi.Resilience;

/// <summary>Core's call policies: retry with jitter and time-out per try on Polly, and a circuit breaker per host.</summary>
public sealed class PollyCallPolicyFactory(TimeProvider time) : ICallPolicyFactory
{
    public PollyCallPolicyFactory()
        : this(TimeProvider.System)
    {
    }

    public ICallPolicy ForHost(string host, FleetLimits limits)
    {
        var builder = new ResiliencePipelineBuilder { TimeProvider = time };
        if (limits.Retries > 0)
        {
            builder.AddRetry(new RetryStrategyOptions
            {
                MaxRetryAttempts = limits.Retries,
                Delay = limits.RetryDelay,
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                ShouldHandle = new PredicateBuilder().Handle<HypervisorException>(e => e.IsTransient && !e.OutcomeUnknown && e.Error is not HypervisorError.CircuitOpen),
            });
        }

        return new PollyCallPolicy(
            host, builder.Build(), new HostBreaker(host, limits, time), Enum.GetValues<CallKind>().Select(kind => Timeout(limits, kind)).ToArray());
    }

    private ResiliencePipeline Timeout(FleetLimits limits, CallKind kind) =>
        limits.TimeoutOf(kind) is { } timeout
            ? new ResiliencePipelineBuilder { TimeProvider = time }.AddTimeout(new TimeoutStrategyOptions { Timeout = timeout }).Build()
            : ResiliencePipeline.Empty;
}
