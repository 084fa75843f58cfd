using Polly;
using Polly.CircuitBreaker;

namespace Kumoi.Resilience;

/// <summary>A host's circuit breaker.</summary>
internal sealed class HostBreaker(ResiliencePipeline pipeline, CircuitBreakerManualControl control, CircuitBreakerStateProvider state)
{
    public ResiliencePipeline Pipeline => pipeline;

    /// <summary>Calls are not held back any more.</summary>
    public Task CloseAsync(CancellationToken cancellationToken) =>
        state.CircuitState is CircuitState.Closed ? Task.CompletedTask : control.CloseAsync(cancellationToken);
}
