using Kumoi.Fleets.Links;

namespace Kumoi.Resilience;

/// <summary>Core's call policies on Polly: retry with jitter and circuit breaker per host; time-out per try.</summary>
public sealed class PollyCallPolicyFactory(TimeProvider time) : ICallPolicyFactory
{
    private readonly Lock _gate = new();

    /// <summary>Of the limits that came last: hosts that are connected together have the same as a rule. Guarded by the gate.</summary>
    private PollyPipelines? _last;

    public PollyCallPolicyFactory()
        : this(TimeProvider.System) => TimeLimit.Prepare();

    public ICallPolicy ForHost(string host, FleetLimits limits)
    {
        lock (_gate)
        {
            return new PollyCallPolicy(host, _last?.Limits == limits ? _last : _last = new PollyPipelines(limits, time));
        }
    }
}
