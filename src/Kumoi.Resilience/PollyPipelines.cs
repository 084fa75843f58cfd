using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace Kumoi.Resilience;

/// <summary>Retries and time-outs keep nothing of a host: those with the same limits share them.</summary>
internal sealed class PollyPipelines
{
    private readonly ResiliencePipeline[] _timeouts;
    private readonly TimeProvider _time;

    public PollyPipelines(FleetLimits limits, TimeProvider time)
    {
        _time = time;
        Limits = limits;
        Retry = MakeRetry(IsWorthAnother);
        RetryOfConnecting = MakeRetry(IsWorthAnotherConnection);
        _timeouts = Array.ConvertAll(Enum.GetValues<CallKind>(), MakeTimeout);
    }

    public FleetLimits Limits { get; }

    public ResiliencePipeline Retry { get; }

    public ResiliencePipeline RetryOfConnecting { get; }

    public ResiliencePipeline TimeoutOf(CallKind kind) => _timeouts[(int)kind];

    private static bool IsWorthAnother(HypervisorException e) => e.IsTransient && !e.OutcomeUnknown;

    /// <summary>Who asks for a host waits for it: not for the same refusal again, and not for a second time-out.</summary>
    private static bool IsWorthAnotherConnection(HypervisorException e) =>
        IsWorthAnother(e) && !e.IsRefusal && e.Error is not HypervisorError.TimedOut;

    private ResiliencePipeline MakeRetry(Func<HypervisorException, bool> isWorthAnother) =>
        Limits.Retries == 0 ? ResiliencePipeline.Empty : new ResiliencePipelineBuilder { TimeProvider = _time }.AddRetry(new RetryStrategyOptions
        {
            MaxRetryAttempts = Limits.Retries,
            Delay = Limits.RetryDelay,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            ShouldHandle = new PredicateBuilder().Handle(isWorthAnother),
        }).Build();

    private ResiliencePipeline MakeTimeout(CallKind kind) =>
        Limits.TimeoutOf(kind) is { } timeout
            ? new ResiliencePipelineBuilder { TimeProvider = _time }.AddTimeout(new TimeoutStrategyOptions { Timeout = timeout }).Build()
            : ResiliencePipeline.Empty;
}
