using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;

namespace Kumoi.Tests.Lab;

/// <summary>The usual policies, with every call to a host watched: tests step in at exact moments instead of after some time.</summary>
internal sealed class WatchedCalls(ICallPolicyFactory usual, Func<WatchedCall, CallMoment, Task> watch) : ICallPolicyFactory
{
    public ICallPolicy ForHost(string host, FleetLimits limits) => new WatchedPolicy(host, usual.ForHost(host, limits), watch);

    private sealed class WatchedPolicy(string host, ICallPolicy usual, Func<WatchedCall, CallMoment, Task> watch) : ICallPolicy
    {
        public ValueTask<T> RunAsync<TState, T>(
            CallKind kind, ICallGate gate, Func<TState, CancellationToken, ValueTask<T>> call, TState state,
            CancellationToken cancellationToken) =>
            usual.RunAsync(
                kind,
                gate,
                async (given, token) =>
                {
                    await watch(new WatchedCall(host, kind, Task.CompletedTask), CallMoment.Before);
                    var running = call(given, token).AsTask();
                    await watch(new WatchedCall(host, kind, running), CallMoment.While);
                    var result = await running;
                    await watch(new WatchedCall(host, kind, running), CallMoment.After);
                    return result;
                },
                state,
                cancellationToken);
    }
}
