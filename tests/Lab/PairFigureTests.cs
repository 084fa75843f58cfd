using System.Diagnostics;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>What pairs cost while nothing fails: the figures of docs/experiments.md.</summary>
public sealed class PairFigureTests(RealLab lab) : PairTest(lab)
{
    [Theory]
    [InlineData(CheckpointEngine.LibvirtSnapshot, "idle")]
    [InlineData(CheckpointEngine.LibvirtSnapshot, "hot")]
    [InlineData(CheckpointEngine.Migrate, "idle")]
    [InlineData(CheckpointEngine.Migrate, "hot")]
    [InlineData(CheckpointEngine.SharedDelta, "idle")]
    [InlineData(CheckpointEngine.SharedDelta, "hot")]
    public async Task A_pair_goes_on_and_everything_is_seen_once(CheckpointEngine engine, string guest)
    {
        var hosts = Lab.Choose(2, static host => !host.IsNewer);
        await using var controller = await ProtectAsync(guest, hosts, how: plan => plan with { Engine = engine, AllowUnencrypted = true });
        var figures = new PairFigures(controller);
        var running = await RunAsync(controller, hosts[0]);
        var took = await CheckpointsAsync(controller, running, 10 * Losses);

        await StopAsync(controller, running);
        Say($"{engine}, {guest}: {figures}; {took:0} ms from one to the next");
    }

    [Theory]
    [InlineData(CheckpointEngine.LibvirtSnapshot)]
    [InlineData(CheckpointEngine.Migrate)]
    [InlineData(CheckpointEngine.SharedDelta)]
    public async Task A_client_of_a_pair_waits_for_checkpoints_and_is_answered_at_once_when_it_is_stopped(CheckpointEngine engine)
    {
        var hosts = Lab.Choose(2, static host => !host.IsNewer);
        await using var controller = await ProtectAsync(
            "linux", hosts, how: plan => plan with { Engine = engine, AllowUnencrypted = true });
        var figures = new PairFigures(controller);
        await using var client = new CountingClient(GuestAddress);
        await client.BeginAsync();
        await client.GoesOnAsync(20);
        var free = client.LatenciesFrom(0);
        var running = await RunAsync(controller, hosts[0]);
        var first = client.Count + 1;
        var took = await CheckpointsAsync(controller, running, 10 * Losses);
        await client.GoesOnAsync();
        var held = client.LatenciesFrom(first);

        await StopAsync(controller, running);
        await client.GoesOnAsync();
        Say($"{engine}, linux: answers after {held[held.Count / 2]:0} ms (median of {held.Count}), {held[^1]:0} ms (longest), "
            + $"without a pair {free[free.Count / 2]:0} ms; {figures}; {took:0} ms from one checkpoint to the next");
    }

    private static async Task<double> CheckpointsAsync(
        PairController controller, Task running, int count)
    {
        var begun = Stopwatch.GetTimestamp();
        for (var made = 0; made < count; made++)
        {
            var last = controller.Record!.LastNumber;
            await Until(controller, running, (happened, record) => happened is PairEvent.CheckpointMade && record.LastNumber > last);
        }

        return Stopwatch.GetElapsedTime(begun).TotalMilliseconds / count;
    }
}
