using System.Diagnostics;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors.Calls;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Pairs by log and replay: a replica replays what QEMU records of the VM.</summary>
public sealed class PairReplayTests(RealLab lab) : PairTest(lab)
{
    private const string Long = "it takes minutes; run it with KUMOI_LAB_REPLAY=1";

    /// <summary>Whether these are to be run although they may take minutes.</summary>
    public static bool IsWanted => Environment.GetEnvironmentVariable("KUMOI_LAB_REPLAY") is "1";

    public static TheoryData<string, string> Guests => new() { { "machine", "warm" }, { "newer", "idle" } };

    [Theory(Skip = Long, SkipUnless = nameof(IsWanted))]
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

    /// <summary>What the benchmark has of it. See docs/experiments.md.</summary>
    [Theory(Skip = Long, SkipUnless = nameof(IsWanted))]
    [MemberData(nameof(Guests))]
    public async Task A_pair_goes_on_elsewhere_when_the_VM_dies_and_everything_is_seen_once(string generation, string guest)
    {
        var hosts = Lab.Choose(2, host => host.Generation == generation);
        List<double> lags = [];
        await using var controller = await ProtectAsync(guest, hosts, how: plan => ByReplay(plan) with
        {
            SeesProcesses = true,
            ReplayLagged = lag => lags.Add(lag.TotalMilliseconds),
        });
        var running = await RunAsync(controller, hosts[0]);
        var figures = new PairFigures(controller);
        var begun = Stopwatch.GetTimestamp();
        await ProtectedAgainAsync(controller, running, controller.Record!.LastNumber + (5 * Losses));
        var logged = figures.Bytes / Stopwatch.GetElapsedTime(begun).TotalSeconds;
        for (var death = 0; death < Losses; death++)
        {
            var record = controller.Record!;
            Kill(record, figures);
            await ProtectedAgainAsync(controller, running, record.LastNumber + 2); // two outputs of the next one
        }

        await StopAsync(controller, running);
        lags.Sort();
        var (middle, late) = (Middle(lags), lags[(int)Math.Ceiling(0.99 * lags.Count) - 1]);
        figures.Save(
            "LogReplay", $"{guest}, {generation}", ("logBytesPerSecond", logged), ("lagP50", middle), ("lagP99", late));
        Say($"{guest}, {generation}: {logged:0} bytes of log a second, lag p50 {middle:0} ms, p99 {late:0} ms; {figures}");
    }

    public static TheoryData<string> Generations => ["machine", "newer"];

    /// <summary>What the benchmark has of it: how long a piece of work takes, not recorded, recorded, and with a replica.</summary>
    [Theory]
    [MemberData(nameof(Generations))]
    public async Task A_guest_that_never_rests_gets_its_work_done_while_it_is_recorded(string generation)
    {
        SkipUnlessMeasured();
        var hosts = Lab.Choose(2, host => host.Generation == generation);
        await using var controller = await ProtectAsync("restless", hosts, how: ByReplay);
        var running = await RunAsync(controller, hosts[0]);
        await Eventually.HoldsAsync(() => Numbers().Count > 5, "the guest works");
        var followed = await WorkAsync(100 * Losses);
        controller.Requests.Stop();
        Assert.Equal(PairPhase.Stopped, (await running).Phase);
        var recorded = await WorkAsync(100 * Losses);

        var last = Numbers()[^1];
        var host = Host(hosts[0]).Link;
        await host.SendAsync(new DestroyVM(Id), CancellationToken.None);
        await host.SendAsync(new StartVM(Id), CancellationToken.None);
        await Eventually.HoldsAsync(() => Numbers()[^1] is > 5 and var number && number < last, "it works again, from its boot");
        var alone = await WorkAsync(100 * Losses);
        new PairFigures(controller).Save(
            "LogReplay", $"restless, {generation}", ("work", followed), ("workRecorded", recorded), ("workAlone", alone));
        Say(FormattableString.Invariant($"restless, {generation}: {alone:0.0} ms for a piece of work, {recorded:0.0} ms recorded, ")
            + FormattableString.Invariant($"{followed:0.0} ms with a replica"));
    }

    /// <summary>All of them, or those in KUMOI_REPLAY_STEPS, with commas between them.</summary>
    public static MatrixTheoryData<string, string> Steps => new(
        ["machine", "newer"], Environment.GetEnvironmentVariable("KUMOI_REPLAY_STEPS")?.Split(',') ?? Enum.GetNames<ReplayStep>());

    /// <summary>
    /// The VM dies there, and what was to come of that output does not come any more; every second time its controller dies, too, and in
    /// any case while the backup takes over. Another one goes on then, with a replica that is made again.
    /// </summary>
    [Theory(Skip = Long, SkipUnless = nameof(IsWanted))]
    [MemberData(nameof(Steps))]
    public async Task The_VM_and_its_controller_die_at_a_step_of_an_output_and_every_number_is_seen_once(string generation, string point)
    {
        var step = Enum.Parse<ReplayStep>(point);
        var isOfTakeover = step is ReplayStep.Drained or ReplayStep.Loaded;
        var hosts = Lab.Choose(2, host => host.Generation == generation);
        Func<ReplayStep, Task>? at = null;
        var controller = await ProtectAsync(
            "warm", hosts, how: plan => ByReplay(plan) with { AtReplayStep = now => at?.Invoke(now) ?? Task.CompletedTask });
        List<double> running = [];
        List<double> seen = [];
        var death = new CancellationTokenSource();
        var pair = await RunAsync(controller, hosts[0], death.Token);
        for (var loss = 0; loss < Losses; loss++)
        {
            var isLast = loss % 2 == 0 && !isOfTakeover;
            var tries = 0;
            controller.Changed += (happened, _) => tries += happened is PairEvent.NotFenced ? 1 : 0;
            var first = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var killed = 0L;
            var before = 0;
            at = async now =>
            {
                if (killed == 0 && now == (isOfTakeover ? ReplayStep.Received : step))
                {
                    before = Numbers().Count;
                    Kill(controller.Record!);
                    killed = Stopwatch.GetTimestamp();
                    if (!isOfTakeover && !isLast)
                    {
                        first.SetResult();
                    }

                    await Task.Delay(Timeout.Infinite, TestContext.Current.CancellationToken); // nothing comes of it any more
                }
                else if (killed != 0 && isOfTakeover && now == step && first.TrySetResult())
                {
                    await death.CancelAsync();
                    death.Token.ThrowIfCancellationRequested();
                }
            };

            var record = controller.Record!;
            if (isLast)
            {
                await Until(controller, pair, static (happened, _) => happened is PairEvent.TookOver);
                Assert.Equal(0, tries); // the replica that has followed serves, and another one is not made
                running.Add(Stopwatch.GetElapsedTime(killed).TotalMilliseconds);
                await Eventually.HoldsAsync(() => Numbers().Count > before + 1, "it counts on");
                seen.Add(Stopwatch.GetElapsedTime(killed).TotalMilliseconds);
                await ProtectedAgainAsync(controller, pair, record.LastNumber + 2);
                continue;
            }

            await first.Task.WaitAsync(TimeSpan.FromSeconds(60)); // its end may come before this is seen
            await death.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pair.WaitAsync(TimeSpan.FromSeconds(60)));
            await controller.DisposeAsync();
            death = new CancellationTokenSource();
            controller = new PairController(Fleet, Plan, TimeProvider.System);
            pair = controller.RunAsync(primary: null, death.Token);
            await ProtectedAgainAsync(controller, pair, record.LastNumber + 2);
        }

        at = null;
        await StopAsync(controller, pair);
        await controller.DisposeAsync();
        running.Sort();
        seen.Sort();
        Say(FormattableString.Invariant(
            $"{generation}, {step}: {Losses} deaths, {Numbers().Count} numbers, each once; kill to running p50 {Middle(running):0} ms, ")
            + FormattableString.Invariant($"to a number seen p50 {Middle(seen):0} ms"));
    }

    private static double Middle(List<double> sorted) => sorted.Count == 0 ? double.NaN : sorted[sorted.Count / 2];

    private static PairPlan ByReplay(PairPlan plan) => plan with { Engine = CheckpointEngine.LogReplay };
}
