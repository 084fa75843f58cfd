using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Pairs by log and replay: a replica replays what QEMU records of the VM.</summary>
public sealed class PairReplayTests(RealLab lab) : PairTest(lab)
{
    private const string Unsure = "log and replay is experimental: now and then a replica that was made again hangs, and is made once more, so "
        + "that this may take minutes; run it with KUMOI_LAB_REPLAY=1";

    /// <summary>Whether these are to be run although they may take minutes.</summary>
    public static bool IsWanted => Environment.GetEnvironmentVariable("KUMOI_LAB_REPLAY") is "1";

    public static TheoryData<string, string> Guests => new() { { "machine", "warm" }, { "newer", "idle" } };

    [Theory(Skip = Unsure, SkipUnless = nameof(IsWanted))]
    [MemberData(nameof(Guests))]
    public async Task The_primary_loses_its_power_at_any_instant_and_the_outside_sees_every_number_once(string generation, string guest)
    {
        var hosts = Lab.Choose(3, host => host.Generation == generation);
        await using var controller = await ProtectAsync(guest, hosts, how: ByReplay);
        var figures = new PairFigures(controller);
        var running = await RunAsync(controller, hosts[0]);
        await LoseAsync(controller, running, figures, losses: (Losses + 1) / 2);

        await StopAsync(controller, running);
        Say($"{guest}, {generation}: {(Losses + 1) / 2} power losses, {Numbers().Count} numbers, each once; {figures}");
    }

    [Fact(Skip = Unsure, SkipUnless = nameof(IsWanted))]
    public async Task The_VM_dies_at_steps_of_an_output_and_every_number_is_seen_once()
    {
        var hosts = Lab.Choose(2, static host => !host.IsNewer);
        Func<ReplayStep, Task>? at = null;
        await using (var first = await ProtectAsync(
            "warm", hosts, how: plan => ByReplay(plan) with { AtReplayStep = step => at?.Invoke(step) ?? Task.CompletedTask }))
        {
            var running = await RunAsync(first, hosts[0]);
            foreach (var point in new[] { ReplayStep.Sent, ReplayStep.Received, ReplayStep.Performed, ReplayStep.Noticed })
            {
                var tookOver = Until(first, running, static (happened, _) => happened is PairEvent.TookOver);
                at = DieAt(point, first);
                await tookOver;
                await ProtectedAgainAsync(first, running, first.Record!.LastNumber);
            }

            at = null;
            await StopAsync(first, running);
        }

        Say($"{Numbers().Count} numbers, each once");
    }

    /// <summary>The VM dies there, once.</summary>
    private Func<ReplayStep, Task> DieAt(ReplayStep point, PairController controller)
    {
        var isDead = false;
        return step =>
        {
            if (!isDead && step == point)
            {
                isDead = true;
                Kill(controller.Record!);
            }

            return Task.CompletedTask;
        };
    }

    private static PairPlan ByReplay(PairPlan plan) => plan with { Engine = CheckpointEngine.LogReplay };
}
