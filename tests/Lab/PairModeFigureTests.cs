using System.Diagnostics;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>What each way of choosing the mode costs a guest that is told to differ from a copy of it, and to cease to.</summary>
public sealed class PairModeFigureTests(RealLab lab) : PairTest(lab)
{
    /// <summary>How far the guest counts in each part of its course: 18.2 numbers a second.</summary>
    private const int Numbers60Seconds = 1092;

    public static TheoryData<ModeOptions> Rules =>
    [
        new FixedModeOptions(PairMode.Checkpoint),
        new FixedModeOptions(PairMode.Colo),
        new MovingAverageModeOptions(),
        new ThresholdModeOptions(),
        new ProportionalIntegralModeOptions(),
        new LearnedModeOptions(),
    ];

    [Theory]
    [MemberData(nameof(Rules))]
    public async Task A_guest_that_changes_stands_still_for_a_part_of_its_time(ModeOptions rule)
    {
        SkipUnlessMeasured();
        var hosts = Lab.Choose(2, static host => !host.IsNewer);
        await using var controller = await ProtectAsync(
            "colo", hosts, how: plan => plan with { Engine = CheckpointEngine.Colo, AllowUnencrypted = true, Modes = rule });
        var figures = new PairFigures(controller);
        var changes = 0;
        var left = "";
        controller.Changed += (happened, record) =>
        {
            changes += happened is PairEvent.CheckpointMade { Change: not null } ? 1 : 0;
            left += happened is PairEvent.CheckpointMade or PairEvent.BackupChosen ? "" : $"{happened} → {record.Phase}; ";
        };
        var running = await RunAsync(controller, hosts[0]);
        var alike = await StandsStillAsync(controller);
        await PressAsync(hosts[0], 'R', differs: true);
        var different = await StandsStillAsync(controller);
        await PressAsync(hosts[0], 'D', differs: false);
        var alikeAgain = await StandsStillAsync(controller);

        Assert.Equal("", left); // on a machine that is too busy its backup was given up: then nothing was measured
        await StopAsync(controller, running);
        var all = (alike + different + alikeAgain) / 3;
        figures.Save(
            "Colo", $"changing, {rule.Name}", ("downtime", all), ("downtimeAlike", (alike + alikeAgain) / 2),
            ("downtimeDifferent", different));
        Say($"{rule.Name}: stands still for {all:P2} of the time: {alike:P2} alike, {different:P2} different, {alikeAgain:P2} alike again; "
            + $"{changes} changes of the mode; {figures}");
    }

    /// <summary>The part of the time, by what QEMU says of the moments of its stopping and going on.</summary>
    private async Task<double> StandsStillAsync(PairController controller)
    {
        long pauses = 0;
        void Add(PairEvent happened, PairRecord record)
        {
            if (happened is PairEvent.CheckpointMade { Measure: { } measure })
            {
                Interlocked.Add(ref pauses, measure.Pause.Ticks);
            }
        }

        controller.Changed += Add;
        var begun = Stopwatch.GetTimestamp();
        for (var (goal, step) = (Numbers()[^1], 0); step < 6; step++)
        {
            goal += Numbers60Seconds / 6;
            await Eventually.HoldsAsync(() => Numbers()[^1] >= goal, "the guest counts on");
        }

        controller.Changed -= Add;
        return TimeSpan.FromTicks(pauses) / Stopwatch.GetElapsedTime(begun);
    }

    /// <summary>
    /// Presses the key until the guest does what it stands for: QEMU drops what is pressed while the guest stands still for a checkpoint.
    /// </summary>
    private async Task PressAsync(string host, char key, bool differs) => await Eventually.HoldsAsync(
        async () =>
        {
            await Lab.ExecuteAsync(host, "virsh", "-q", "-c", "qemu:///system", "send-key", VM, $"KEY_{key}");
            var pressed = Numbers().Count;
            await Eventually.HoldsAsync(() => Numbers().Count > pressed + 10, "the guest counts on"); // it has seen the key by then
            return Lines().TakeLast(4).Any(static line => line.StartsWith('R')) == differs;
        },
        differs ? "the guest differs from its copy" : "the guest is as its copy is");
}
