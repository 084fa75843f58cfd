using System.Diagnostics;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>What pairs cost: the figures of the benchmark and of docs/experiments.md.</summary>
public sealed class PairFigureTests(RealLab lab) : PairTest(lab)
{
    /// <summary>What the guest 'hot' writes from one number to the next.</summary>
    private const int HotPages = 128;

    /// <summary>Those that make checkpoints of any guest: COLO needs one of its own here.</summary>
    private static readonly CheckpointEngine[] Compared =
        [CheckpointEngine.LibvirtSnapshot, CheckpointEngine.Migrate, CheckpointEngine.SharedDelta];

    public static TheoryData<CheckpointEngine> Engines => [.. Compared];

    public static MatrixTheoryData<CheckpointEngine, string> EnginesAndGuests => new(Compared, ["idle", "hot"]);

    [Theory]
    [MemberData(nameof(EnginesAndGuests))]
    public async Task A_pair_goes_on_and_goes_on_elsewhere_when_the_VM_dies_and_everything_is_seen_once(
        CheckpointEngine engine, string guest)
    {
        SkipUnlessMeasured(); // that it goes on is tested for each engine by the classes of pairs
        var hosts = Lab.Choose(2, static host => !host.IsNewer);
        using var stalls = new MachineStalls();
        await using var controller = await ProtectAsync(guest, hosts, how: With(engine));
        var running = await RunAsync(controller, hosts[0]);
        var figures = new PairFigures(controller, stalls);
        var before = Numbers()[^1];
        await CheckpointsAsync(controller, running, 5 * Losses);
        var changed = (Numbers()[^1] - before) * (guest is "hot" ? HotPages : 0) * 4096;
        var bytes = figures.Bytes;
        for (var death = 0; death < Losses; death++)
        {
            var record = controller.Record!;
            Kill(record, figures);
            await ProtectedAgainAsync(controller, running, record.LastNumber);
        }

        await StopAsync(controller, running);
        figures.Save(engine.ToString(), guest, ("bytesOfChanged", (double)bytes / changed));
        Say($"{engine}, {guest}: {figures}; {bytes:N0} bytes for {changed:N0} that changed");
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_client_of_a_pair_waits_for_checkpoints_and_is_answered_at_once_when_it_is_stopped(CheckpointEngine engine)
    {
        SkipUnlessMeasured();
        var hosts = Lab.Choose(2, static host => !host.IsNewer);
        using var stalls = new MachineStalls();
        await using var controller = await ProtectAsync("linux", hosts, how: With(engine));
        await using var client = new CountingClient(GuestAddress);
        await client.BeginAsync();
        await client.GoesOnAsync(20);
        var free = client.LatenciesFrom(0);
        var running = await RunAsync(controller, hosts[0]);
        var figures = new PairFigures(controller, stalls);
        var first = client.Count + 1;
        await CheckpointsAsync(controller, running, 5 * Losses);
        await client.GoesOnAsync();
        var held = client.LatenciesFrom(first);

        await StopAsync(controller, running);
        await client.GoesOnAsync();
        figures.Save(engine.ToString(), "linux", ("answerP50", held[held.Count / 2]), ("answerP50Alone", free[free.Count / 2]));
        Say($"{engine}, linux: answers after {held[held.Count / 2]:0} ms (median of {held.Count}), {held[^1]:0} ms (longest), "
            + $"without a pair {free[free.Count / 2]:0} ms; {figures}");
    }

    /// <summary>The period is chosen so that it stands still for a tenth of its time at most, as where nothing is asked for.</summary>
    [Theory]
    [MemberData(nameof(Engines))]
    public async Task A_guest_that_never_rests_gets_its_work_done_while_it_is_protected(CheckpointEngine engine)
    {
        SkipUnlessMeasured();
        var hosts = Lab.Choose(2, static host => !host.IsNewer);
        using var stalls = new MachineStalls();
        await using var controller = await ProtectAsync(
            "busy", hosts, how: plan => With(engine)(plan) with { Goals = new() });
        var running = await RunAsync(controller, hosts[0]);
        await Eventually.HoldsAsync(() => Numbers().Count > 5, "the guest works"); // and the period is found
        var figures = new PairFigures(controller, stalls);
        var protectedly = await WorkAsync(5 * Losses);

        await StopAsync(controller, running);
        var alone = await WorkAsync(5 * Losses);
        figures.Save(engine.ToString(), "busy", ("work", protectedly), ("workAlone", alone));
        Say($"{engine}, busy: {alone:0} ms for a piece of work without a pair, {protectedly:0} ms with one; {figures}");
    }

    private static Func<PairPlan, PairPlan> With(CheckpointEngine engine) =>
        plan => plan with { Engine = engine, AllowUnencrypted = true, SeesProcesses = true };

    private async Task CheckpointsAsync(PairController controller, Task running, int count)
    {
        for (var made = 0; made < count; made++)
        {
            var last = controller.Record!.LastNumber;
            await Until(controller, running, (happened, record) => happened is PairEvent.CheckpointMade && record.LastNumber > last);
        }
    }
}
