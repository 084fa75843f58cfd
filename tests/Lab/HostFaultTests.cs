using System.Collections.Concurrent;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Kumoi.Lineage;
using Kumoi.Resilience;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>A host that was chosen loses power.</summary>
public sealed class HostFaultTests(RealLab lab) : LabTest(lab)
{
    private readonly ConcurrentDictionary<string, OperationId> _operations = new();

    [Fact]
    public async Task Just_before_its_action_it_is_replaced()
    {
        // Without an undo: what cannot be created leaves nothing behind, and on a host that is gone nothing can be undone.
        var deployed = await Fleet.Hosts.AsLineage().Take(3).Select(
            async (host, token) =>
            {
                if (host.Name is "k2")
                {
                    await Lab.HurtAsync("power-off", "k2");
                }

                return await CreateAsync(host, "web-" + host.Name, "qcow2", operation: Operation(host), cancellationToken: token);
            }).EvaluateAsync();

        Assert.Equal(["k1", "k3", "k4"], deployed.Items.Select(vm => vm.VMHost));
        Assert.All(deployed.Items, vm => Assert.Equal(PowerState.Running, vm.State));
        await Lab.MakeWellAsync("k2");
        await using var fresh = await ConnectAsync(new PollyCallPolicyFactory()); // this test's own holds calls to k2 back for a while
        Assert.Empty(await fresh.Find("k2")!.Link.SendAsync(new ReadVMs(), CancellationToken.None));
    }

    [Fact]
    public async Task Between_definition_and_start_nothing_takes_its_place_and_what_it_holds_can_be_undone_when_it_is_back()
    {
        await using var fleet = await ConnectAsync(new WatchedCalls(new PollyCallPolicyFactory(), PowerOffAfterDefinitionAsync));

        LineageTrace? trace = null;
        await Assert.ThrowsAsync<CompensationFailedException>(() => fleet.Hosts.AsLineage().Take(3).Select(
            async (host, token) =>
                await CreateAsync(host, "web-" + host.Name, "qcow2", operation: Operation(host), cancellationToken: token),
            UndoAsync).EvaluateAsync(new LineageOptions { Traced = done => trace = done }));

        Assert.DoesNotContain(await VMsAsync("k4"), vm => vm.Name is "web-k4");
        var failure = Assert.Single(trace!.Steps, step => step.Kind is LineageStepKind.Failure);
        Assert.Equal(("k2", FaultDomain.Host), (failure.Element, failure.FaultDomain));
        Assert.Contains("What it had made could not be removed", failure.Detail, StringComparison.Ordinal);
        await Lab.MakeWellAsync("k2");
        await using var fresh = await ConnectAsync(new PollyCallPolicyFactory()); // the other one holds calls to k2 back for a while
        var k2 = fresh.Find("k2")!;
        Assert.Equal([("web-k2", PowerState.Shutoff)], (await k2.Link.SendAsync(new ReadVMs(), CancellationToken.None))
            .Select(vm => (vm.Name, vm.State)));
        Assert.True(await VMActions.RemoveCreatedAsync(k2, _operations["k2"]));
        Assert.Empty(await k2.Link.SendAsync(new ReadVMs(), CancellationToken.None));

        async Task PowerOffAfterDefinitionAsync(WatchedCall call, CallMoment moment)
        {
            if (call.Kind is CallKind.Write && moment is CallMoment.After && call.Host is "k2")
            {
                await Lab.HurtAsync("power-off", "k2");
            }
        }
    }

    private OperationId Operation(KumoiConnection host) => _operations.GetOrAdd(host.Name, _ => OperationId.New());

    private async ValueTask UndoAsync(KumoiConnection host, CancellationToken cancellationToken) =>
        await host.Link.SendAsync(new UndoDefineVM(Operation(host)), cancellationToken);
}
