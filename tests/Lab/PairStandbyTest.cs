using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Pairs whose checkpoints are in the memory of standbys, by whatever engine.</summary>
public abstract class PairStandbyTest(RealLab lab) : PairTest(lab)
{
    [Theory]
    [InlineData("machine", "warm")]
    [InlineData("machine", "hot")]
    [InlineData("newer", "warm")]
    public async Task The_primary_loses_its_power_at_any_instant(string generation, string guest)
    {
        var hosts = Lab.Choose(3, host => host.Generation == generation);
        await using var controller = await ProtectAsync(guest, hosts, how: Engine);
        var figures = new PairFigures(controller);
        var running = await RunAsync(controller, hosts[0]);
        await LoseAsync(controller, running, figures);

        await StopAsync(controller, running);
        Say($"{guest}, {generation}: {Losses} power losses, {Numbers().Count} numbers, each once; {figures}");
    }

    [Fact]
    public async Task A_VM_that_dies_goes_on_at_once_although_its_host_is_well()
    {
        var hosts = Lab.Choose(2, static host => !host.IsNewer);
        await using var controller = await ProtectAsync("warm", hosts, how: Engine);
        var figures = new PairFigures(controller);
        var running = await RunAsync(controller, hosts[0]);

        for (var death = 0; death < Losses; death++)
        {
            var record = controller.Record!;
            Kill(record, figures);
            await ProtectedAgainAsync(controller, running, record.LastNumber);
        }

        await StopAsync(controller, running);
        Say($"{Losses} deaths, {Numbers().Count} numbers, each once; {figures}");
    }

    [Fact]
    public async Task A_controller_dies_and_the_next_one_goes_back_to_the_last_checkpoint_because_output_was_lost()
    {
        var hosts = Lab.Choose(3, static host => !host.IsNewer);
        using var death = new CancellationTokenSource();
        await using (var first = await ProtectAsync("warm", hosts, how: Engine))
        {
            var running = await RunAsync(first, hosts[0], death.Token);
            await death.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        }

        await using var second = new PairController(Fleet, Plan, TimeProvider.System);
        var goesOn = await RunAsync(second, primary: null);
        Assert.Equal(hosts[1], second.Record!.Primary);
        await ServesAsync(hosts[1], PairDomains.Of(Id, second.Record.Standby));
        await StopAsync(second, goesOn);
    }

    [Fact]
    public Task The_controller_dies_in_each_state_that_holds_output_and_the_next_one_goes_on() => DieInAsync(
        Engine, PairPhase.Protected, PairPhase.FailingOver, PairPhase.TakingOver, PairPhase.Resuming);

    [Fact]
    public Task The_controller_dies_in_each_other_state_and_the_next_one_goes_on() => DieInAsync(
        Engine, PairPhase.Starting, PairPhase.Revoking, PairPhase.Unprotected);

    [Fact]
    public async Task A_backup_that_loses_its_power_is_replaced_and_what_it_had_does_not_count()
    {
        var hosts = Lab.Choose(3, static host => !host.IsNewer);
        await using var controller = await ProtectAsync("warm", hosts, how: Engine);
        var running = await RunAsync(controller, hosts[0]);
        Assert.Equal(hosts[1], controller.Record!.Backup);

        var revoked = Until(controller, running, static (_, record) => record.Phase is PairPhase.Revoking);
        await Lab.HurtAsync("power-off", hosts[1]);
        await revoked;
        await Until(controller, running, (_, record) => record.Phase is PairPhase.Protected && record.Backup == hosts[2]);
        await Lab.HurtAsync("power-off", hosts[0]);

        await Until(controller, running, (happened, _) => happened is PairEvent.TookOver took && took.Host == hosts[2]);
        await ServesAsync(hosts[2], PairDomains.Of(Id, controller.Record.Standby));
        await StopAsync(controller, running);
    }

    [Fact]
    public async Task A_standby_that_hangs_at_any_instant_does_not_stop_the_VM()
    {
        var hosts = Lab.Choose(2, static host => !host.IsNewer);
        await using var controller = await ProtectAsync(
            "hot", hosts, how: plan => Engine(plan) with { CheckpointPatience = TimeSpan.FromSeconds(3) });
        var running = await RunAsync(controller, hosts[0]);
        var random = new Random(Random.Shared.Next());
        for (var time = 0; time < Losses; time++)
        {
            await Task.Delay(random.Next(600));
            await Lab.ExecuteAsync(hosts[1], "sh", "-c", $"kill -STOP $(cat /run/libvirt/qemu/{VM}-ck?.pid) 2>/dev/null; true");
            await ProtectedAgainAsync(controller, running, controller.Record!.LastNumber + 2);
            Assert.Equal(VMWhereabouts.Running, await WhereaboutsAsync(hosts[0], Id));
        }

        await StopAsync(controller, running);
        Say($"{Losses} times hung; {Numbers().Count} numbers, each once");
    }

    [Fact]
    public async Task A_primary_that_is_cut_off_and_cannot_be_fenced_is_fenced_when_it_is_back()
    {
        var hosts = Lab.Choose(2, static host => !host.IsNewer);
        await using var controller = await ProtectAsync("warm", hosts, fence: ["false"], how: Engine);
        var running = await RunAsync(controller, hosts[0]);

        await Lab.HurtAsync("cut", hosts[0]);
        await Until(controller, running, (happened, _) => happened is PairEvent.NotFenced);
        Assert.Equal(PairPhase.FailingOver, controller.Record!.Phase);
        Assert.Equal(
            VMWhereabouts.Absent, await WhereaboutsAsync(hosts[1], Id)); // nothing but standbys, which wait
        var tookOver = Until(controller, running, (happened, _) => happened is PairEvent.TookOver took && took.Host == hosts[1]);
        await Lab.MakeWellAsync(hosts[0]);

        await tookOver;
        await Until(controller, running, (happened, _) => happened is PairEvent.CheckpointMade);
        Assert.Equal(VMWhereabouts.Off, await WhereaboutsAsync(hosts[0], Id));
        await StopAsync(controller, running);
    }

    [Fact]
    public async Task A_backup_that_is_cut_off_and_cannot_be_fenced_keeps_the_output_held_until_it_is_back()
    {
        var hosts = Lab.Choose(2, static host => !host.IsNewer);
        await using var controller = await ProtectAsync("warm", hosts, fence: ["false"], how: Engine);
        var running = await RunAsync(controller, hosts[0]);

        await Lab.HurtAsync("cut", hosts[1]);
        await Until(controller, running, (happened, record) => happened is PairEvent.NotFenced && record.Phase is PairPhase.Revoking);
        var seen = Numbers().Count;
        await Until(controller, running, (happened, _) => happened is PairEvent.NotFenced);
        Assert.Equal(seen, Numbers().Count);
        Assert.Equal(VMWhereabouts.Running, await WhereaboutsAsync(hosts[0], Id));
        var fenced = Until(
            controller, running, (happened, record) => happened is PairEvent.Fenced && record.Phase is PairPhase.Unprotected);
        await Lab.MakeWellAsync(hosts[1]);

        await fenced;
        await Until(controller, running, (happened, _) => happened is PairEvent.CheckpointMade);
        Assert.True(Numbers().Count > seen);
        await StopAsync(controller, running);
    }

    [Fact]
    public async Task The_daemons_of_both_hosts_are_killed_at_any_instant_and_the_pair_goes_on()
    {
        var hosts = Lab.Choose(2, static host => !host.IsNewer);
        await using var controller = await ProtectAsync("warm", hosts, how: Engine);
        var running = await RunAsync(controller, hosts[0]);
        var random = new Random(Random.Shared.Next());
        for (var time = 0; time < Losses; time++)
        {
            await Task.Delay(random.Next(800));
            await Task.WhenAll(Lab.HurtAsync("kill-daemon", hosts[0]), Lab.HurtAsync("kill-daemon", hosts[1]));
            await ProtectedAgainAsync(controller, running, controller.Record!.LastNumber + 1);
        }

        await StopAsync(controller, running);
        Say($"{Losses} times both daemons were killed; {Numbers().Count} numbers, each once");
    }

    [Fact]
    public async Task What_a_client_has_been_told_by_TCP_is_not_taken_back_whichever_host_loses_its_power_and_when()
    {
        var hosts = Lab.Choose(3, host => host.Generation == LinuxGeneration);
        await using var controller = await ProtectAsync("linux", hosts, how: Engine);
        var figures = new PairFigures(controller);
        await using var client = new CountingClient(GuestAddress);
        await client.BeginAsync();
        var running = await RunAsync(controller, hosts[0]);
        var first = client.Count + 1;
        await client.GoesOnAsync();
        await LoseAsync(controller, running, figures, () => client.GoesOnAsync());

        var latencies = client.LatenciesFrom(first);
        await StopAsync(controller, running);
        await client.GoesOnAsync(10); // nothing is held any more

        // Its cards are as any VM's: QEMU lives through a reset of them, and the guest serves again.
        var record = controller.Record!;
        await Host(record.Primary).Link.SendAsync(new ResetVM(PairDomains.Of(Id, record.Standby)), CancellationToken.None);
        await using var another = new CountingClient(GuestAddress);
        await another.BeginAsync();
        await another.GoesOnAsync();
        Say($"linux: {Losses} power losses, {latencies.Count} answers, each once; latency {latencies[latencies.Count / 2]:0} ms (median), "
            + $"{latencies[^1]:0} ms (longest); {figures}");
    }

    /// <summary>Where the Linux guest runs: QEMU 7.2, where that serves.</summary>
    private protected virtual string LinuxGeneration => "machine";

    /// <summary>The plan, with the engine that is tested.</summary>
    private protected abstract PairPlan Engine(PairPlan plan);
}
