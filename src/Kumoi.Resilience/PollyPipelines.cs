using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Polly;
using Polly.CircuitBreaker;
using Polly.Retry;

namespace Kumoi.Resilience;

/// <summary>
/// What hosts with the same limits share, since it keeps nothing of a host, and how their breakers are made. Each is made when it is needed
/// first, which takes Polly a while.
/// </summary>
internal sealed class PollyPipelines(FleetLimits limits, TimeProvider time)
{
    private ResiliencePipeline? _retry;
    private ResiliencePipeline? _retryOfConnecting;

    public FleetLimits Limits => limits;

    /// <summary>The clock of time-outs and of waits between tries.</summary>
    public TimeProvider Time => time;

    public ResiliencePipeline Retry => _retry ??= MakeRetry(IsWorthAnother);

    public ResiliencePipeline RetryOfConnecting => _retryOfConnecting ??= MakeRetry(IsWorthAnotherConnection);

    public HostBreaker MakeBreaker()
    {
        var control = new CircuitBreakerManualControl();
        var state = new CircuitBreakerStateProvider();
        var pipeline = new ResiliencePipelineBuilder { TimeProvider = time }.AddCircuitBreaker(new CircuitBreakerStrategyOptions
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
        return new HostBreaker(pipeline, control, state);
    }

    private static bool IsWorthAnother(HypervisorException e) => e.IsTransient && !e.OutcomeUnknown;

    /// <summary>Who asks for a host waits for it: not for the same refusal again, and not for a second time-out.</summary>
    private static bool IsWorthAnotherConnection(HypervisorException e) =>
        IsWorthAnother(e) && !e.IsRefusal && e.Error is not HypervisorError.TimedOut;

    private ResiliencePipeline MakeRetry(Func<HypervisorException, bool> isWorthAnother) =>
        limits.Retries == 0 ? ResiliencePipeline.Empty : new ResiliencePipelineBuilder { TimeProvider = time }.AddRetry(new RetryStrategyOptions
        {
            MaxRetryAttempts = limits.Retries,
            Delay = limits.RetryDelay,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            ShouldHandle = new PredicateBuilder().Handle(isWorthAnother),
        }).Build();
}
