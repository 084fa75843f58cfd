using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;

namespace Kumoi.Resilience;

/// <summary>
/// One host's policy: <c>retry(breaker(throttle(time-out(call))))</c>; to connect is tried again for fewer reasons. Until a call fails for
/// the first time there is nothing to try again and nothing to hold back: retry and breaker, and with them Polly, begin with that failure.
/// </summary>
internal sealed class PollyCallPolicy(string host, PollyPipelines pipelines) : ICallPolicy
{
    private HostBreaker? _breaker;

    public Task RunAsync(PolicyCall call, CancellationToken cancellationToken) => Volatile.Read(ref _breaker) is null
        ? TryAsync(call, isFirst: true, cancellationToken) : TryWithPollyAsync(call, first: null, cancellationToken);

    /// <summary>When it has a place, within its time; the first failure of this host's is given to Polly.</summary>
    private async Task TryAsync(PolicyCall call, bool isFirst, CancellationToken cancellationToken)
    {
        HypervisorException failure;
        try
        {
            await call.Gate.EnterAsync(cancellationToken);
            try
            {
                if (pipelines.Limits.TimeoutOf(call.Kind) is not { } timeout)
                {
                    await call.TryAsync(cancellationToken);
                    return;
                }

                using var limit = TimeLimit.Begin(timeout, pipelines.Time, cancellationToken);
                try
                {
                    await call.TryAsync(limit.Token);
                    return;
                }
                catch (OperationCanceledException e) when (limit.IsOver && !cancellationToken.IsCancellationRequested)
                {
                    throw TimedOut(call, timeout, e);
                }
            }
            finally
            {
                call.Gate.Leave();
            }
        }
        catch (HypervisorException e) when (isFirst)
        {
            failure = e;
        }

        await TryWithPollyAsync(call, failure, cancellationToken);
    }

    /// <summary>A method of its own: who runs one that names Polly's types loads Polly.</summary>
    private Task TryWithPollyAsync(PolicyCall call, HypervisorException? first, CancellationToken cancellationToken) => new PollyTries(
        host, pipelines, LazyInitializer.EnsureInitialized(ref _breaker, pipelines.MakeBreaker), call,
        (call, token) => TryAsync(call, isFirst: false, token), first).RunAsync(cancellationToken);

    private HypervisorException TimedOut(PolicyCall call, TimeSpan timeout, OperationCanceledException e)
    {
        var changes = call.Kind is CallKind.Write or CallKind.Job;
        return new HypervisorException(
            $"{host} did not answer within {timeout.TotalSeconds:0.#} s.",
            FaultDomain.Host, isTransient: !changes, outcomeUnknown: changes, error: HypervisorError.TimedOut, innerException: e,
            recommendedAction: changes
                ? "It may still have been done: read the VM with Get-KumoiVM before you try again."
                : "See whether the host and its libvirt daemon are up; raise the limit with Connect-KumoiHost -TimeoutSec.");
    }
}
