using Kumoi.Fleets;
using Kumoi.Hypervisors;
using Kumoi.Lineage;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>
/// What happens in the middle of a live migration. The guest dirties memory faster than it may be sent, so none ends by itself.
/// </summary>
public sealed class MigrationFaultTests(RealLab lab) : LabTest(lab)
{
    private const long MiB = 1L << 20;
    private const string VM = "busy";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Cancelled_midway_the_VM_runs_on_at_the_source_and_no_other_target_is_tried(bool peerToPeer)
    {
        var vm = await StartBusyAsync();
        using var cancellation = new CancellationTokenSource();

        var evaluation = Targets().Take(1).ForEachAsync(
            async (target, token) =>
            {
                var midway = new Midway();
                var migration = VMActions.MoveAsync(vm, target, Options(target, peerToPeer, isSlow: true), midway, token);
                await midway.ReachAsync(migration);
                await cancellation.CancelAsync();
                await migration;
            },
            cancellationToken: cancellation.Token);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => evaluation);
        await RunsOnAtTheSourceAsync();
        foreach (var target in Fleet.Hosts.Where(host => host != Host("k1")))
        {
            await IsGoneFromAsync(target);
        }

        // And nothing is left that would be in the way of another one.
        var before = Lab.Counter("k1", VM)!.Value;
        Assert.Equal("k2", (await VMActions.MoveAsync(
            vm, Host("k2"), Options(Host("k2"), peerToPeer, isSlow: false), null, CancellationToken.None)).VMHost);
        await Lab.CountsOnAsync("k2", VM, before);
    }

    [Theory]
    [InlineData("power-off", "", false)]
    [InlineData("power-off", "", true)]
    [InlineData("power-off", "--silent", false)]
    [InlineData("power-off", "--silent", true)]
    [InlineData("stop-daemon", "", false)]
    [InlineData("stop-daemon", "", true)]
    [InlineData("cut", "", false)]
    [InlineData("cut", "", true)]
    public async Task The_target_fails_midway_and_the_VM_lands_on_the_next(string fault, string how, bool peerToPeer)
    {
        var vm = await StartBusyAsync();
        HypervisorException? failure = null;
        long before = 0;

        var result = await Targets().Take(1).ForEachAsync(async (target, token) =>
        {
            if (target != Host("k2"))
            {
                before = Lab.Counter("k1", VM)!.Value;
                await VMActions.MoveAsync(vm, target, Options(target, peerToPeer, isSlow: false), null, token);
                return;
            }

            var midway = new Midway();
            var migration = VMActions.MoveAsync(vm, target, Options(target, peerToPeer, isSlow: true), midway, token);
            await midway.ReachAsync(migration);
            await Lab.HurtAsync(fault, "k2", how.Length > 0 ? [how] : []);
            failure = await Assert.ThrowsAsync<HypervisorException>(() => migration);
            await RunsOnAtTheSourceAsync();
            throw failure;
        });

        Assert.NotNull(failure);
        Assert.Contains("migrate VM 'busy' from k1 to k2", failure.Message, StringComparison.Ordinal);
        Assert.False(failure.OutcomeUnknown);
        Assert.True(failure.FaultDomain is FaultDomain.Host or FaultDomain.Network, $"{failure.FaultDomain}: {failure.Message}");
        Assert.NotNull(failure.RecommendedAction);
        Assert.Equal("k3", Assert.Single(result.Items).Name);
        Assert.Equal((null, PowerState.Running), (await StateAsync("k1", VM), await StateAsync("k3", VM)));
        await Lab.CountsOnAsync("k3", VM, before);
        Assert.DoesNotContain("BOOT", Lab.Printed("k3", VM), StringComparison.Ordinal);
        await Lab.MakeWellAsync("k2");
        await IsGoneFromAsync(Host("k2"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Of_many_targets_only_the_last_has_power_and_it_gets_the_VM(bool peerToPeer)
    {
        var vm = await StartBusyAsync();
        foreach (var dead in (string[])["k2", "k3", "k4", "k5"])
        {
            await Lab.HurtAsync("power-off", dead);
        }

        var result = await Targets().Take(1).ForEachAsync(
            async (target, token) => await VMActions.MoveAsync(vm, target, Options(target, peerToPeer, isSlow: false), null, token));

        Assert.Equal(("k6", 4), (Assert.Single(result.Items).Name, result.Trace.Failures));
        Assert.True(Host("k1").IsOpen);
        await Lab.CountsOnAsync("k6", VM);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_daemon_of_the_source_is_killed_midway_and_the_VM_runs_on_there(bool peerToPeer)
    {
        var vm = await StartBusyAsync();
        var midway = new Midway();
        var migration = VMActions.MoveAsync(vm, Host("k2"), Options(Host("k2"), peerToPeer, isSlow: true), midway, CancellationToken.None);
        await midway.ReachAsync(migration);

        await Lab.HurtAsync("kill-daemon", "k1");

        var failure = await Assert.ThrowsAsync<HypervisorException>(() => migration);
        Assert.Equal((HypervisorError.ConnectionFailed, false), (failure.Error, failure.OutcomeUnknown));
        Assert.Contains("k1", failure.Message, StringComparison.Ordinal);
        await RunsOnAtTheSourceAsync();
        await IsGoneFromAsync(Host("k2"));
        Assert.Equal("k2", (await VMActions.MoveAsync(
            vm, Host("k2"), Options(Host("k2"), peerToPeer, isSlow: false), null, CancellationToken.None)).VMHost);
    }

    [Fact]
    public async Task A_newer_source_that_does_not_hear_that_the_target_is_ready_goes_on_with_the_VM()
    {
        var hosts = Lab.Choose(2, host => host.WaitsForTargets);
        var (source, target) = (hosts[0], hosts[1]);
        var vm = await CreateAsync(Host(source), VM, "warm");
        await Lab.CountsOnAsync(source, VM);
        await Lab.HurtAsync("deafen", source);

        // Bytes flow all the time, and nothing is left to be sent.
        var failure = await Assert.ThrowsAsync<HypervisorException>(
            () => VMActions.MoveAsync(
                vm, Host(target), Options(Host(target), peerToPeer: false, isSlow: false), null, CancellationToken.None));

        Assert.Contains($"{source} did not hear that {target} is ready for the VM", failure.Message, StringComparison.Ordinal);
        Assert.Equal((HypervisorError.TimedOut, FaultDomain.Network, false), (failure.Error, failure.FaultDomain, failure.OutcomeUnknown));
        Assert.Equal(PowerState.Running, await StateAsync(source, VM));
        await Lab.CountsOnAsync(source, VM);
        await IsGoneFromAsync(Host(target));
        await Lab.MakeWellAsync(source);
        Assert.Equal(target, (await VMActions.MoveAsync(
            vm, Host(target), Options(Host(target), peerToPeer: false, isSlow: false), null, CancellationToken.None)).VMHost);
    }

    private async Task<KumoiVM> StartBusyAsync()
    {
        var vm = await CreateAsync(Host("k1"), VM, "vhot");
        await Lab.CountsOnAsync("k1", VM);
        return vm;
    }

    private LineageList<KumoiConnection> Targets() => Fleet.Hosts.AsLineage().Where(host => host != Host("k1"));

    private MigrationOptions Options(KumoiConnection target, bool peerToPeer, bool isSlow) => new()
    {
        PeerToPeer = peerToPeer,
        TargetUri = Lab.Host(target.Name).TcpUri,
        BandwidthBytesPerSecond = isSlow ? 4 * MiB : null,
        StallTimeout = TimeSpan.FromSeconds(3),
    };

    private async Task RunsOnAtTheSourceAsync()
    {
        Assert.Equal(PowerState.Running, await StateAsync("k1", VM));
        await Lab.CountsOnAsync("k1", VM);
    }

    /// <summary>A daemon takes a moment to notice that an incoming VM has lost its source.</summary>
    private async Task IsGoneFromAsync(KumoiConnection host) =>
        await Eventually.HoldsAsync(async () => await StateAsync(host.Name, VM) is null, $"'{VM}' is gone from {host}");
}
