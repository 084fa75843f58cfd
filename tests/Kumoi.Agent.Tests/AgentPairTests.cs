using Kumoi.Agents;
using Kumoi.Composition;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Faults;
using Kumoi.Hypervisors.Simulated;
using Kumoi.Resilience;
using Xunit;

namespace Kumoi.Agent.Tests;

/// <summary>Pairs that an agent keeps. Its hosts are simulated, and live in its driver.</summary>
public sealed class AgentPairTests : AgentTest
{
    private readonly SimulatedDriver _driver = new(TimeProvider.System);

    private Fleet? _held; // as long as somebody has a link to them, the hosts are there

    private PersistentPairs Pairs => new(Client());

    [Fact]
    public async Task A_pair_is_begun_shown_tried_out_switched_and_ended_by_any_session()
    {
        await StartWithHostsAsync();
        var token = TestContext.Current.CancellationToken;
        var order = Order();

        Assert.Equal(PairPhase.Protected, (await Pairs.StartAsync(new PairStart(order, Force: false), token)).State);
        Assert.Equal("kvm01-1", Assert.Single((await Client().FindAsync(token))!.Pairs));
        Assert.Equal("Agent", Assert.Single((await Pairs.ListAsync(token))!).KeptBy);
        Assert.Equal("kvm02", (await Pairs.DrillAsync(order.VM, token)).Backup);
        await Pairs.SwitchAsync(order.VM, token);
        var served = await UntilAsync(
            async () => (await Pairs.ListAsync(token))!.Single(), static pair => pair is { Primary: "kvm02", State: PairPhase.Protected });
        Assert.Equal(1, served.FailoverCount);
        Assert.Equal(PairPhase.Stopped, (await Pairs.StopAsync(order.VM, token)).State);
        Assert.Empty((await Client().FindAsync(token))!.Pairs);
    }

    [Fact]
    public async Task An_agent_with_a_pair_ends_by_force_only_and_the_next_one_goes_on_with_it()
    {
        var first = await StartWithHostsAsync();
        var token = TestContext.Current.CancellationToken;
        var order = Order();
        await Pairs.StartAsync(new PairStart(order, Force: false), token);

        var refused = await Assert.ThrowsAsync<AgentException>(() => Client().StopAsync(Environment.ProcessId, force: false, token));
        Assert.Equal(AgentError.HasWork, refused.Error);
        Assert.Contains("it protects kvm01-1", refused.Message, StringComparison.Ordinal);
        await first.DisposeAsync();
        Assert.Null(await Pairs.ListAsync(token));

        await StartWithHostsAsync();
        var resumed = await UntilAsync(
            async () => (await Pairs.ListAsync(token))!, static pairs => pairs is [{ State: PairPhase.Protected, CheckpointCount: > 1 }]);
        Assert.Equal("kvm01", resumed[0].Primary);
        await Pairs.StopAsync(order.VM, token);
    }

    [Fact]
    public async Task What_a_host_refuses_is_told_as_the_hosts_failure()
    {
        await StartWithHostsAsync();

        var refused = await Assert.ThrowsAsync<HypervisorException>(() => Pairs.StartAsync(
            new PairStart(Order() with { VM = Guid.NewGuid() }, Force: false), TestContext.Current.CancellationToken));

        Assert.Equal((HypervisorError.VMNotFound, FaultDomain.VM), (refused.Error, refused.FaultDomain));
        Assert.Empty((await Client().FindAsync(TestContext.Current.CancellationToken))!.Pairs);
    }

    [Fact]
    public async Task A_session_that_gives_up_waiting_leaves_no_pair()
    {
        await StartWithHostsAsync();
        using var gaveUp = new CancellationTokenSource();
        var start = Pairs.StartAsync(new PairStart(Order() with { Goals = new PairGoals(1) }, Force: false), gaveUp.Token);

        await gaveUp.CancelAsync();
        await Task.WhenAny(start);

        if (!start.IsCompletedSuccessfully)
        {
            await UntilAsync(
                async () => (await Pairs.ListAsync(TestContext.Current.CancellationToken))!,
                static pairs => !pairs.Any(static pair => pair.IsOpen));
        }
    }

    private async Task<AgentServer> StartWithHostsAsync()
    {
        _held ??= KumoiFleet.Create(
            [_driver], new PollyCallPolicyFactory(), new FaultPlan(new Random(1), TimeProvider.System), TimeProvider.System);
        await foreach (var outcome in _held.ConnectAsync([First.ToRequest(), Second.ToRequest()], CancellationToken.None))
        {
            _ = outcome.Result;
        }

        return await StartAsync(driver: _driver, time: TimeProvider.System);
    }

    private PairOrder Order() => new()
    {
        Id = Guid.NewGuid(),
        VM = _driver.Find(_held!.Find("kvm01")!.Uri).VMs.Values.First().Id,
        VMName = "kvm01-1",
        Primary = "kvm01",
        Hosts = [.. new[] { First, Second }.Select(host => new PairHost(host.Name, host.Uri))],
        Folder = Path.Combine(Folder, "pair"),
        Goals = new PairGoals(PeriodMs: 5),
        SilenceMs = 500,
    };
}
