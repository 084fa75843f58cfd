using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Pairs by log and replay that lose something else than the VM: see the rows of docs/experiments.md.</summary>
public sealed class PairReplayLossTests(RealLab lab) : PairTest(lab)
{
    private const string Long = "it takes minutes; run it with KUMOI_LAB_REPLAY=1";

    public static bool IsWanted => PairReplayTests.IsWanted;

    /// <summary>An output is held, and one has gone out of which the backup is not told.</summary>
    public static MatrixTheoryData<string, string> Steps =>
        new(["machine", "newer"], [nameof(ReplayStep.Acknowledged), nameof(ReplayStep.Performed)]);

    /// <summary>What a VM puts out then goes nowhere: its backup, which has the log, puts it out again.</summary>
    [Theory(Skip = Long, SkipUnless = nameof(IsWanted))]
    [MemberData(nameof(Steps))]
    public async Task The_process_that_holds_the_output_dies_at_a_step_and_its_VM_does_not_and_every_number_is_seen_once(
        string generation, string point)
    {
        var step = Enum.Parse<ReplayStep>(point);
        var hosts = Lab.Choose(2, host => host.Generation == generation);
        Func<ReplayStep, Task>? at = null;
        var controller = await ProtectAsync("warm", hosts, how: plan => plan with
        {
            Engine = CheckpointEngine.LogReplay,
            AtReplayStep = now => at?.Invoke(now) ?? Task.CompletedTask,
        });
        var death = new CancellationTokenSource();
        var pair = await RunAsync(controller, hosts[0], death.Token);
        for (var loss = 0; loss < Losses; loss++)
        {
            var dying = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            at = async now =>
            {
                if (now == step && dying.TrySetResult())
                {
                    await Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken); // nothing comes of it any more
                }
            };
            await dying.Task.WaitAsync(TimeSpan.FromSeconds(60));
            var record = controller.Record!;
            await death.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pair.WaitAsync(TimeSpan.FromSeconds(60)));
            await controller.DisposeAsync();

            death = new CancellationTokenSource();
            controller = new PairController(Fleet, Plan, TimeProvider.System);
            pair = controller.RunAsync(primary: null, death.Token);
            await Until(controller, pair, static (happened, _) => happened is PairEvent.TookOver);
            Assert.NotEqual(record.Primary, controller.Record!.Primary);
            await ProtectedAgainAsync(controller, pair, record.LastNumber + 2);
        }

        at = null;
        await StopAsync(controller, pair);
        await controller.DisposeAsync();
        Say($"{generation}, the gate at {step}: {Losses} deaths, {Numbers().Count} numbers, each once");
    }

    /// <summary>Its power, or all ways to it.</summary>
    public static MatrixTheoryData<string, string> Hurts => new(["machine", "newer"], ["power-off", "cut"]);

    /// <summary>The output is held until the backup is fenced; then the VM goes on alone, and with another backup.</summary>
    [Theory(Skip = Long, SkipUnless = nameof(IsWanted))]
    [MemberData(nameof(Hurts))]
    public async Task The_backups_host_is_lost_while_the_VM_waits_with_an_output_and_every_number_is_seen_once(string generation, string hurt)
    {
        var hosts = Lab.Choose(3, host => host.Generation == generation);
        Func<ReplayStep, Task>? at = null;
        await using var controller = await ProtectAsync("warm", hosts, how: plan => plan with
        {
            Engine = CheckpointEngine.LogReplay,
            AtReplayStep = now => at?.Invoke(now) ?? Task.CompletedTask,
        });
        var pair = await RunAsync(controller, hosts[0]);
        for (var loss = 0; loss < Losses; loss++)
        {
            var record = controller.Record!;
            var before = 0;
            var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            at = async now =>
            {
                if (now is ReplayStep.Sent && waiting.TrySetResult())
                {
                    before = Numbers().Count;
                    await Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken); // it is not acknowledged any more
                }
            };
            await waiting.Task.WaitAsync(TimeSpan.FromSeconds(60));
            var alone = Until(controller, pair, (happened, _) =>
            {
                // It has been fenced before anything goes out.
                Assert.True(happened is PairEvent.Fenced || Numbers().Count == before);
                return happened is PairEvent.Fenced;
            });
            await Lab.HurtAsync(hurt, record.Backup!);
            await alone;
            await ProtectedAgainAsync(controller, pair, record.LastNumber + 1);
            Assert.Equal(record.Primary, controller.Record!.Primary);
            await Lab.MakeWellAsync(record.Backup!);
        }

        at = null;
        await StopAsync(controller, pair);
        Say($"{generation}, the backup ({hurt}) while the VM waits: {Losses} losses, {Numbers().Count} numbers, each once");
    }
}
