using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;
using Polly;
using Polly.CircuitBreaker;
using Polly.Timeout;

namespace Kumoi.Resilience;

/// <summary>
/// One host's policy: <c>retry(breaker(throttle(time-out(call))))</c>; to connect is tried again for fewer reasons. Until a call fails for
/// the first time there is nothing to try again and nothing to hold back: retry and breaker begin with that failure.
/// </summary>
/// <remarks>
/// For Polly every call answers an object, and what becomes of it is told as an outcome: its strategies are made for that, and convert
/// everything else, there and back, by asynchronous methods of their own, which are compiled while the first hosts are connected.
/// </remarks>
internal sealed class PollyCallPolicy(string host, PollyPipelines pipelines) : ICallPolicy
{
    private static readonly Outcome<object?> Succeeded = Outcome.FromResult<object?>(null);

    private HostBreaker? _breaker;

    public async ValueTask RunAsync(PolicyCall call, CancellationToken cancellationToken)
    {
        var context = ResilienceContextPool.Shared.Get(cancellationToken);
        Outcome<object?> outcome;
        if (Volatile.Read(ref _breaker) is { } breaker)
        {
            outcome = await RunAsync(context, new Tries(this, call, breaker));
        }
        else
        {
            outcome = await TryAsync(context, call);
            if (outcome.Exception is HypervisorException)
            {
                breaker = LazyInitializer.EnsureInitialized(ref _breaker, pipelines.MakeBreaker);
                outcome = await RunAsync(context, new Tries(this, call, breaker) { First = outcome });
            }
        }

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

    private ValueTask<Outcome<object?>> RunAsync(ResilienceContext context, Tries tries) => tries.Call.Kind switch
    {
        CallKind.Job => RunJobAsync(context, tries),
        CallKind.Probe => ProbeAsync(context, tries),
        CallKind.Connect => pipelines.RetryOfConnecting.ExecuteOutcomeAsync(
            static (context, tries) => tries.ThroughBreakerAsync(context), context, tries),
        _ => pipelines.Retry.ExecuteOutcomeAsync(static (context, tries) => tries.ThroughBreakerAsync(context), context, tries),
    };

    /// <summary>
    /// A job has a second host, its target, whose failures say nothing against this one: the breaker does not see them. Nor would anybody
    /// expect hours of work to begin anew by themselves.
    /// </summary>
    private static async ValueTask<Outcome<object?>> RunJobAsync(ResilienceContext context, Tries tries)
    {
        Outcome<object?>? failed = null;
        var outcome = await tries.Breaker.Pipeline.ExecuteOutcomeAsync(
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
            tries);
        return failed ?? outcome;
    }

    /// <summary>A host that has answered is not held back any more.</summary>
    private async ValueTask<Outcome<object?>> ProbeAsync(ResilienceContext context, Tries tries)
    {
        var outcome = await pipelines.Retry.ExecuteOutcomeAsync(
            static (context, tries) => tries.NextAsync(context), context, tries);
        if (outcome.Exception is null)
        {
            await tries.Breaker.CloseAsync(context.CancellationToken);
        }

        return outcome;
    }

    private async ValueTask<Outcome<object?>> TryAsync(ResilienceContext context, PolicyCall call)
    {
        try
        {
            await call.Gate.EnterAsync(context.CancellationToken);
        }
        catch (OperationCanceledException e)
        {
            return Outcome.FromException<object?>(e);
        }

        try
        {
            var outcome = await pipelines.TimeoutOf(call.Kind).ExecuteOutcomeAsync(
                static async (context, call) =>
                {
                    try
                    {
                        await call.TryAsync(context.CancellationToken);
                        return Succeeded;
                    }
#pragma warning disable CA1031, RCS1075 // whatever it is, it is what became of the call
                    catch (Exception e)
#pragma warning restore CA1031, RCS1075
                    {
                        return Outcome.FromException<object?>(e);
                    }
                },
                context,
                call);
            return outcome.Exception is TimeoutRejectedException e ? Outcome.FromException<object?>(TimedOut(call, e)) : outcome;
        }
        finally
        {
            call.Gate.Leave();
        }
    }

    private HypervisorException TimedOut(PolicyCall call, TimeoutRejectedException e)
    {
        var changes = call.Kind is CallKind.Write or CallKind.Job;
        return new HypervisorException(
            $"{host} did not answer within {e.Timeout.TotalSeconds:0.#} s.",
            FaultDomain.Host, isTransient: !changes, outcomeUnknown: changes, error: HypervisorError.TimedOut, innerException: e,
            recommendedAction: changes
                ? "It may still have been done: read the VM with Get-KumoiVM before you try again."
                : "See whether the host and its libvirt daemon are up; raise the limit with Connect-KumoiHost -TimeoutSec.");
    }

    /// <summary>The tries of one call.</summary>
    private sealed class Tries(PollyCallPolicy policy, PolicyCall call, HostBreaker breaker)
    {
        public PolicyCall Call => call;

        public HostBreaker Breaker => breaker;

        /// <summary>What has become of the first one already; it is taken once.</summary>
        public Outcome<object?>? First { private get; set; }

        public ValueTask<Outcome<object?>> ThroughBreakerAsync(ResilienceContext context) => breaker.Pipeline.ExecuteOutcomeAsync(
            static (context, tries) => tries.NextAsync(context), context, this);

        public ValueTask<Outcome<object?>> NextAsync(ResilienceContext context)
        {
            if (First is not { } first)
            {
                return policy.TryAsync(context, call);
            }

            First = null;
            return new(first);
        }
    }
}
