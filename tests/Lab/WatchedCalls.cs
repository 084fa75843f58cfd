using Kumoi.Fleets.Links;
using Kumoi.Hypervisors;

namespace Kumoi.Tests.Lab;

/// <summary>The usual policies, with every call to a host watched: tests step in at exact moments instead of after some time.</summary>
internal sealed class WatchedCalls(ICallPolicyFactory usual, Func<WatchedCall, CallMoment, Task> watch) : ICallPolicyFactory
{
    public ICallPolicy ForHost(string host, FleetLimits limits) => new WatchedPolicy(host, usual.ForHost(host, limits), watch);

    private sealed class WatchedPolicy(string host, ICallPolicy usual, Func<WatchedCall, CallMoment, Task> watch) : ICallPolicy
    {
        public Task RunAsync(PolicyCall call, CancellationToken cancellationToken) =>
            usual.RunAsync(new Watched(host, call, watch), cancellationToken);
    }

    private sealed class Watched(string host, PolicyCall call, Func<WatchedCall, CallMoment, Task> watch) : PolicyCall
    {
        public override CallKind Kind => call.Kind;

        public override ICallGate Gate => call.Gate;

        public override async Task TryAsync(CancellationToken cancellationToken)
        {
            await watch(new WatchedCall(host, Kind, Task.CompletedTask), CallMoment.Before);
            var running = call.TryAsync(cancellationToken);
            await watch(new WatchedCall(host, Kind, running), CallMoment.While);
            await running;
            await watch(new WatchedCall(host, Kind, running), CallMoment.After);
        }
    }
}
