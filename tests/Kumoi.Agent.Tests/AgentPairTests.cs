using Kumoi.Agents;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Agent.Tests;

/// <summary>Pairs in the agent. What a pair does is tested where it is; here is what the agent adds.</summary>
public sealed class AgentPairTests : AgentTest
{
    protected override TimeProvider Clock => TimeProvider.System;

    [Fact]
    public async Task A_VM_is_protected_by_the_agent_which_has_work_then_and_the_next_agent_goes_on_with_it()
    {
        var server = await StartAsync();
        var client = Client();
        var pairs = new PersistentPairs(client);
        var order = await OrderOfPairAsync();
        var pair = await pairs.StartAsync(new PairStart(order, Force: false), default);
        Assert.Equal((PairPhase.Protected, "kvm01", "kvm02", "Agent"), (pair.State, pair.Primary, pair.Backup, pair.KeptBy));
        Assert.Equal([pair.VM], (await client.FindAsync(default))!.Pairs);
        var refused = await Assert.ThrowsAsync<AgentException>(() => client.StopAsync(Environment.ProcessId, force: false, default));
        Assert.Contains($"it protects {pair.VM}", refused.Message, StringComparison.Ordinal);

        await client.StopAsync(Environment.ProcessId, force: true, default);
        await server.Ended;
        Assert.Null(await pairs.ListAsync(default));
        await StartAsync();
        var kept = await UntilAsync(
            async () => (await pairs.ListAsync(default))!.SingleOrDefault(),
            one => one is { State: PairPhase.Protected } && one.CheckpointCount > pair.CheckpointCount);
        Assert.Equal(pair.Id, kept!.Id);

        Assert.Equal("kvm02", (await pairs.DrillAsync(order.VM, default)).Backup);
        Assert.Equal("kvm02", (await pairs.SwitchAsync(order.VM, default)).Primary);
        Assert.Equal(PairPhase.Stopped, (await pairs.StopAsync(order.VM, default)).State);
        await UntilAsync(async () => (await client.FindAsync(default))!.Pairs.Count, count => count == 0);
        Assert.Equal(
            AgentError.NotFound, (await Assert.ThrowsAsync<AgentException>(() => pairs.StopAsync(order.VM, default))).Error);
    }

    [Fact]
    public async Task Why_a_VM_cannot_be_protected_comes_back_as_the_hosts_failure_that_it_is()
    {
        await StartAsync();
        var pairs = new PersistentPairs(Client());
        var order = await OrderOfPairAsync();
        var refused = await Assert.ThrowsAsync<HypervisorException>(
            () => pairs.StartAsync(new PairStart(order with { Hosts = [order.Hosts[0]] }, Force: false), default));
        Assert.Equal((HypervisorError.InvalidSpecification, FaultDomain.VM), (refused.Error, refused.FaultDomain));
        Assert.Contains("-BackupHost", refused.RecommendedAction, StringComparison.Ordinal);

        var away = order with { Primary = "kvm09", Hosts = [new PairHost("kvm09", "nothing://kvm09"), order.Hosts[1]] };
        refused = await Assert.ThrowsAsync<HypervisorException>(() => pairs.StartAsync(new PairStart(away, Force: false), default));
        Assert.Equal(HypervisorError.ConnectionFailed, refused.Error);
        Assert.Empty((await Client().FindAsync(default))!.Pairs);
    }

    [Fact]
    public async Task A_start_that_its_admin_gives_up_leaves_nothing()
    {
        await StartAsync();
        var pairs = new PersistentPairs(Client());
        var order = await OrderOfPairAsync();
        using var stop = new CancellationTokenSource();
        var starting = pairs.StartAsync(new PairStart(order with { SilenceMs = 600_000 }, Force: false), stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => starting);
        // Whether it was given up before or after it had begun: in the end nobody protects it.
        await UntilAsync(
            async () => (await pairs.ListAsync(default))!, all => all.All(pair => pair.State is PairPhase.Stopped));
        Assert.Empty((await Client().FindAsync(default))!.Pairs);
    }

    private async Task<PairOrder> OrderOfPairAsync()
    {
        var vm = (await Fleet.Find("kvm01")!.Link.SendAsync(new ReadVMs(), default))[0];
        return new PairOrder
        {
            Id = Guid.NewGuid(),
            VM = vm.Id,
            VMName = vm.Name,
            Primary = "kvm01",
            Hosts = [new PairHost(First.Name, First.Uri), new PairHost(Second.Name, Second.Uri)],
            Folder = Path.Combine(Folder, "pair"),
            Engine = CheckpointEngine.LibvirtSnapshot,
            Goals = new PairGoals(10, null, null),
            IsSimulated = true,
        };
    }
}
