using Kumoi.FaultTolerance.Engines;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Pairs whose checkpoints are migrations into standbys.</summary>
public sealed class PairMigrateTests(RealLab lab) : PairStandbyTest(lab)
{
    [Fact]
    public async Task A_standby_that_hangs_in_the_middle_of_a_checkpoint_does_not_stop_the_VM()
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

    private protected override PairPlan Engine(PairPlan plan) =>
        plan with { Engine = CheckpointEngine.Migrate, AllowUnencrypted = true };
}
