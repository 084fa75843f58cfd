using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Polly;
using Polly.CircuitBreaker;

namespace Kumoi.Resilience;

/// <summary>The tries of one call, on a host of which a call has failed.</summary>
/// <remarks>
/// For Polly every call answers an object, and what becomes of it is told as an outcome: its strategies are made for that, and convert
/// everything else, there and back, by asynchronous methods of their own.
/// </remarks>
internal sealed class PollyTries(
    string host, PollyPipelines pipelines, HostBreaker breaker, PolicyCall call, Func<PolicyCall, CancellationToken, Task> tryOnce,
    HypervisorException? first)
{
    private static readonly Outcome<object?> Succeeded = Outcome.FromResult<object?>(null);

    /// <summary>What has become of the first one already; it is taken once.</summary>
    private HypervisorException? _first = first;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var context = ResilienceContextPool.Shared.Get(cancellationToken);
        var outcome = call.Kind switch
        {
            CallKind.Job => await RunJobAsync(context),
            CallKind.Probe => await ProbeAsync(context),
            CallKind.Connect => await pipelines.RetryOfConnecting.ExecuteOutcomeAsync(
                static (context, tries) => tries.ThroughBreakerAsync(context), context, this),
            _ => await pipelines.Retry.ExecuteOutcomeAsync(static (context, tries) => tries.ThroughBreakerAsync(context), context, this),
        };
        ResilienceContextPool.Shared.Return(context);
        if (outcome.Exception is BrokenCircuitException e)
        {
            throw new HypervisorException(
                $"{host} failed repeatedly; calls to it are held back for now.",
                FaultDomain.Host, isTransient: true, error: HypervisorError.CircuitOpen, innerException: e,
                recommendedAction: "Look at the host; try again in a few seconds, or reconnect to it to try at once.");
        }

        outcome.ThrowIfException();
    }

    /// <summary>
    /// A job has a second host, its target, whose failures say nothing against this one: the breaker does not see them. Nor would anybody
    /// expect hours of work to begin anew by themselves.
    /// </summary>
    private async Task<Outcome<object?>> RunJobAsync(ResilienceContext context)
    {
        Outcome<object?>? failed = null;
        var outcome = await breaker.Pipeline.ExecuteOutcomeAsync(
            async (context, tries) =>
            {
                var outcome = await tries.NextAsync(context);
                if (outcome.Exception is not HypervisorException)
                {
                    return outcome;
                }

                failed = outcome;
                return Succeeded;
            },
            context,
            this);
        return failed ?? outcome;
    }

    /// <summary>A host that has answered is not held back any more.</summary>
    private async Task<Outcome<object?>> ProbeAsync(ResilienceContext context)
    {
        var outcome = await pipelines.Retry.ExecuteOutcomeAsync(static (context, tries) => tries.NextAsync(context), context, this);
        if (outcome.Exception is null)
        {
            await breaker.CloseAsync(context.CancellationToken);
        }

        return outcome;
    }

    private ValueTask<Outcome<object?>> ThroughBreakerAsync(ResilienceContext context) => breaker.Pipeline.ExecuteOutcomeAsync(
        static (context, tries) => tries.NextAsync(context), context, this);

    private async ValueTask<Outcome<object?>> NextAsync(ResilienceContext context)
    {
        if (Interlocked.Exchange(ref _first, null) is { } failure)
        {
            return Outcome.FromException<object?>(failure);
        }

        try
        {
            await tryOnce(call, context.CancellationToken);
            return Succeeded;
        }
#pragma warning disable CA1031, RCS1075 // whatever it is, it is what became of the call
        catch (Exception e)
#pragma warning restore CA1031, RCS1075
        {
            return Outcome.FromException<object?>(e);
        }
    }
}
