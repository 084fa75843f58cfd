using Kumoi.Composition;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Faults;
using Kumoi.Resilience;
using Kumoi.Tests.FailureOblivious;
using Kumoi.Tests.Speculation;
using Xunit;

namespace Kumoi.Tests.Fleets.Links;

public sealed class LayerCostTests
{
    [Fact]
    public async Task A_call_that_succeeds_at_once_passes_all_layers_without_an_allocation()
    {
        // Polly keeps its timers only with the system's clock.
        var time = TimeProvider.System;
        await using var fleet = KumoiFleet.Create(
            [new ReadyDriver()], new PollyCallPolicyFactory(time), new FaultPlan(new Random(1), time), time, () => new MemoryJournal());
        await foreach (var outcome in fleet.ConnectAsync([new ConnectRequest("ready://kvm01", null, [])], default))
        {
            _ = outcome.Result;
        }

        var link = fleet.Hosts[0].Link;
        HostCall<HostReading> call = new ReadHost(IncludeVMs: false);
        // The least of several: what is compiled once, and the windows of the circuit breaker, are none of a call's cost.
        Assert.Equal((0, true), (Enumerable.Range(0, 10).Min(_ => Allocated()), link.SendAsync(call, default).IsCompletedSuccessfully));

        long Allocated()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 1000; i++)
            {
                _ = link.SendAsync(call, default);
            }

            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
    }

    private sealed class ReadyDriver : IHypervisorDriver
    {
        public string Name => "ready";

        public bool IsSimulated => true;

        public bool Handles(string uri) => uri.StartsWith("ready:", StringComparison.Ordinal);

        public IReadOnlyList<HostAddress> Resolve(string uri) => [new HostAddress(uri, "kvm01")];

        public Task<IHypervisorLink> OpenAsync(HostAddress address, CancellationToken cancellationToken) =>
            Task.FromResult<IHypervisorLink>(new ReadyLink());
    }
}
