using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Polly;
using Polly.CircuitBreaker;

namespace Kumoi.Resilience;

/// <summary>Core's call policies on Polly: retry with jitter, circuit breaker per host, time-out per try.</summary>
public sealed class PollyCallPolicyFactory(TimeProvider time) : ICallPolicyFactory
{
    /// <summary>Of the limits that came last: hosts that are connected together have the same as a rule.</summary>
    private PollyPipelines? _last;

    public PollyCallPolicyFactory()
        : this(TimeProvider.System)
    {
    }

    public ICallPolicy ForHost(string host, FleetLimits limits)
    {
        var pipelines = Volatile.Read(ref _last);
        if (pipelines is null || pipelines.Limits != limits)
        {
            Volatile.Write(ref _last, pipelines = new PollyPipelines(limits, time));
        }

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
        return new PollyCallPolicy(host, pipelines, breaker, control, state);
    }
}
