using Kumoi.Composition;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Faults;
using Kumoi.Resilience;
using Kumoi.Tests.Speculation;
using Xunit;

namespace Kumoi.Tests.Fleets.Links;

public sealed class BlameLayerTests
{
    [Fact]
    public async Task After_a_migration_that_failed_the_source_is_asked_once_whether_it_is_there()
    {
        var driver = new GateDriver();
        var time = new ManualTime();
        await using var fleet = KumoiFleet.Create(
            [driver], new PollyCallPolicyFactory(time), new FaultPlan(new Random(1), time), time, () => new MemoryJournal());
        await foreach (var outcome in fleet.ConnectAsync([new ConnectRequest("gate://a,b", null, [])], default))
        {
            _ = outcome.Result;
        }

        var vm = new KumoiVM(fleet.Hosts[0], new VMReading { CapturedAt = ManualTime.Start, Id = Guid.NewGuid(), Name = "web" });
        driver.Script.Enqueue(new HypervisorException("the target is full", FaultDomain.Host));
        driver.Script.Enqueue(new HypervisorException("no route", FaultDomain.Host));
        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => VMActions.MoveAsync(vm, fleet.Hosts[1], new MigrationOptions(), null, default));
        Assert.Equal((FaultDomain.VM, 2), (failure.FaultDomain, driver.Calls));
        Assert.Contains("the host of 'web', is out of reach: no route", failure.Message, StringComparison.Ordinal);
    }
}
