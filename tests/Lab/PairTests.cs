using System.Diagnostics;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>
/// Fault-tolerant pairs on real hosts. The guest counts at its console: what the outside has seen must count on by one, whatever happens.
/// </summary>
public sealed class PairTests(RealLab lab) : PairTest(lab)
{
    public static TheoryData<string> Guests => ["idle", "warm", "hot"];

    [Theory]
    [MemberData(nameof(Guests))]
    public async Task Host_after_host_loses_its_power_and_the_outside_sees_every_number_once(string guest)
    {
        string[] hosts = ["k1", "k3", "k5", "k2", "k4", "k6"]; // the older generation first: what a newer one has written it may not read
        await using var controller = await ProtectAsync(guest, hosts);
        var running = await RunAsync(controller, "k1");
        foreach (var (host, next) in hosts.Zip(hosts.Skip(1)))
        {
            await Lab.HurtAsync("power-off", host);
            await ServesAsync(next);
        }

        Assert.Equal(PairPhase.Unprotected, controller.Record!.Phase); // no host is left
        await StopAsync(controller, running);
    }

    /// <summary>A host that has lost its power has it again before the next one loses it.</summary>
    [Theory]
    [InlineData("machine")]
    [InlineData("newer")]
    public async Task The_primary_loses_its_power_at_any_instant(string generation)
    {
        var hosts = Lab.Hosts.Where(host => host.Generation == generation).Select(host => host.Name).ToList();
        Assert.SkipWhen(hosts.Count < 3, $"the lab has {hosts.Count} hosts with libvirt of the generation '{generation}', not 3");
        var losses = Losses;
        var seed = Random.Shared.Next();
        Say($"seed {seed}");
        var random = new Random(seed);
        List<double> downtimes = [];
        await using var controller = await ProtectAsync("warm", hosts);
        var running = await RunAsync(controller, hosts[0]);
        for (var loss = 0; loss < losses; loss++)
        {
            var primary = controller.Record!.Primary;
            await Task.Delay(random.Next(400)); // whatever it is doing then
            var tookOver = Until(controller, running, (happened, _) => happened is PairEvent.TookOver);
            var lost = Stopwatch.GetTimestamp();
            await Lab.HurtAsync("power-off", primary);
            await tookOver;
            downtimes.Add(Stopwatch.GetElapsedTime(lost).TotalSeconds);
            await Lab.MakeWellAsync(primary);
            await Until(controller, running, (_, record) => record.Phase is PairPhase.Protected);
            await ServesAsync(controller.Record.Primary);
        }

        await StopAsync(controller, running);
        downtimes.Sort();
        Say(
            $"{losses} power losses, {controller.Record!.LastNumber} checkpoints, {Numbers().Count} numbers, each once; "
            + $"power loss to running again {downtimes[losses / 2]:0.00} s (median), {downtimes[^1]:0.00} s (longest)");
    }

    [Fact]
    public async Task A_VM_that_dies_goes_on_at_once_although_its_host_is_well()
    {
        await using var controller = await ProtectAsync("warm", ["k1", "k3"]);
        var running = await RunAsync(controller, "k1");

        Kill(controller.Record!);

        await ServesAsync("k3");
        await StopAsync(controller, running);
    }

    [Fact]
    public async Task A_controller_dies_and_the_next_one_goes_back_to_the_last_checkpoint_because_output_was_lost()
    {
        using var death = new CancellationTokenSource();
        await using (var first = await ProtectAsync("warm", ["k1", "k3", "k5"]))
        {
            var running = await RunAsync(first, "k1", death.Token);
            await death.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        }

        await using var second = new PairController(Fleet, Plan, TimeProvider.System);
        var goesOn = await RunAsync(second, primary: null);
        await ServesAsync("k3");
        await StopAsync(second, goesOn);
    }

    [Fact]
    public Task The_controller_dies_in_each_state_that_holds_output_and_the_next_one_goes_on() => DieInAsync(
        static plan => plan, PairPhase.Protected, PairPhase.FailingOver, PairPhase.TakingOver, PairPhase.Resuming, PairPhase.Reprotecting);

    [Fact]
    public Task The_controller_dies_in_each_other_state_and_the_next_one_goes_on() => DieInAsync(
        static plan => plan, PairPhase.Starting, PairPhase.Unprotected);

    [Fact]
    public async Task A_host_that_is_cut_off_and_cannot_be_fenced_goes_on_alone_in_the_world_and_is_fenced_when_it_is_back()
    {
        await using var controller = await ProtectAsync("warm", ["k1", "k3"], fence: ["false"]);
        var running = await RunAsync(controller, "k1");

        await Lab.HurtAsync("cut", "k1");
        await Until(controller, running, (happened, _) => happened is PairEvent.NotFenced);
        Assert.Equal(PairPhase.FailingOver, controller.Record!.Phase);
        Assert.Equal(VMWhereabouts.Absent, await WhereaboutsAsync("k3", Id));
        await Lab.MakeWellAsync("k1");

        await ServesAsync("k3");
        await StopAsync(controller, running);
    }

    [Fact]
    public async Task The_daemons_of_both_hosts_are_killed_at_any_instant_and_the_pair_goes_on()
    {
        await using var controller = await ProtectAsync("warm", ["k1", "k3"]);
        var running = await RunAsync(controller, "k1");
        var random = new Random(Random.Shared.Next());
        for (var time = 0; time < Losses; time++)
        {
            await Task.Delay(random.Next(400));
            var after = controller.Record!.LastNumber + 1;
            await Task.WhenAll(Lab.HurtAsync("kill-daemon", "k1"), Lab.HurtAsync("kill-daemon", "k3"));
            await Until(controller, running, (happened, record) => happened is PairEvent.CheckpointMade && record.LastNumber > after);
        }

        await StopAsync(controller, running);
        Say($"{Losses} times both daemons were killed; {Numbers().Count} numbers, each once");
    }

    [Theory]
    [InlineData("power-off")]
    [InlineData("freeze-daemon")]
    public async Task A_backup_that_is_lost_or_frozen_is_replaced_by_the_next_host(string fault)
    {
        await using var controller = await ProtectAsync("warm", ["k1", "k3", "k5"]);
        var running = await RunAsync(controller, "k1");
        Assert.Equal("k3", controller.Record!.Backup);

        await Lab.HurtAsync(fault, "k3");
        await Until(controller, running, (_, record) => record is { Phase: PairPhase.Protected, Backup: "k5" });
        await Lab.HurtAsync("power-off", "k1");

        await ServesAsync("k5");
        await StopAsync(controller, running);
    }
}
