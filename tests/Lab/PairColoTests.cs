using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Modes;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>Pairs by QEMU's COLO, whose standby runs along, stands still, or both in turn.</summary>
public sealed class PairColoTests(RealLab lab) : PairTest(lab)
{
    [Theory]
    [InlineData("machine", PairMode.Checkpoint)]
    [InlineData("newer", PairMode.Checkpoint)]
    [InlineData("machine", PairMode.Colo)]
    [InlineData("newer", PairMode.Colo)]
    public async Task The_primary_loses_its_power_at_any_instant(string generation, PairMode mode)
    {
        var hosts = Lab.Choose(3, host => host.Generation == generation);
        await using var controller = await ProtectAsync("colo", hosts, how: plan => Colo(plan, new FixedModeOptions(mode)));
        var figures = new PairFigures(controller);
        var running = await RunAsync(controller, hosts[0]);
        await LoseAsync(controller, running, figures);

        await StopAsync(controller, running);
        Say($"{mode}, {generation}: {Losses} power losses, {Numbers().Count} numbers, each once; {figures}");
    }

    private static PairPlan Colo(PairPlan plan, ModeOptions modes) => plan with
    {
        Engine = CheckpointEngine.Colo,
        AllowUnencrypted = true,
        Modes = modes with { CheckpointPeriod = TimeSpan.FromMilliseconds(100), ColoPeriod = TimeSpan.FromSeconds(1) },
    };
}
