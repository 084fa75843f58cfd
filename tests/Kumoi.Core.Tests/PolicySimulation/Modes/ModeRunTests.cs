using Kumoi.FaultTolerance.Modes;
using Kumoi.PolicySimulation;
using Kumoi.PolicySimulation.Modes;
using Xunit;

namespace Kumoi.Tests.PolicySimulation.Modes;

/// <summary>The simulated pair against what can be computed.</summary>
public sealed class ModeRunTests
{
    private const double HalfAnHour = 1800;

    /// <summary>Pauses of 100 ms, always.</summary>
    private static readonly PairModel Even = new() { BasePauseSec = 0.1, BytesPerSec = 1e18, PauseVariation = 0 };

    [Theory]
    [InlineData(ModeWorkload.Deterministic)]
    [InlineData(ModeWorkload.Threaded)]
    public void In_checkpoint_mode_output_waits_for_the_rest_of_the_period_and_the_pause(ModeWorkload workload)
    {
        var run = Run(workload, new FixedModeOptions(PairMode.Checkpoint));
        Assert.Equal(0.1 / 0.35, run.DowntimeRatio, tolerance: 1e-3);
        Assert.Equal(125 + 100, run.LatencyMs, tolerance: 1); // half the period, and the pause
        Assert.Equal(0.99 * 250 + 100, run.LatencyP99Ms, tolerance: 2);
        Assert.Equal(0, run.ColoShare);
        Assert.Equal(HalfAnHour / 0.35, run.Checkpoints, tolerance: 1);
    }

    /// <summary>Differences come at random: between two checkpoints passes what their rate says, on average.</summary>
    [Fact]
    public void In_COLO_a_checkpoint_follows_each_difference()
    {
        var run = Run(ModeWorkload.Threaded, new FixedModeOptions(PairMode.Colo));
        var kind = GuestKind.Threaded;

        // Of rates that vary, the mean length is the mean of 1 / rate: e^σ² times 1 / mean.
        var length = Math.Exp(kind.Variation * kind.Variation) / kind.DifferencesPerSec;
        Assert.Equal(0.1 / (0.1 + length), run.DowntimeRatio, tolerance: 0.03);
        Assert.InRange(run.LatencyMs, 1, 6); // but for little output it is that of the comparison
        Assert.Equal(1, run.ColoShare);
    }

    [Fact]
    public void Output_that_the_other_guest_does_not_make_waits_until_the_comparison_times_out()
    {
        var guest = new GuestTrace(ModeWorkload.Deterministic, 36_000, Even, seed: 5);
        var missing = new List<double>();
        var (seen, longest) = (0, 0.0);
        for (var at = 0.0; at < 35_000; at += 20)
        {
            var (end, isMismatch) = guest.NextColoCheckpoint(at, 20, timeoutSec: 3, missing);
            Assert.InRange(end, at, at + 20);
            Assert.All(missing, since => Assert.InRange(since, at, end));
            seen += missing.Count;
            longest = Math.Max(longest, missing.Count == 0 ? 0 : end - missing[0]);
            Assert.True(isMismatch || end == at + 20);
        }

        Assert.InRange(seen, 100, 3000);
        Assert.Equal(3, longest, tolerance: 1e-9);
    }

    [Fact]
    public void CPU_and_network_are_those_of_both_guests_and_of_the_checkpoints()
    {
        var kind = GuestKind.Deterministic;
        var idle = Run(ModeWorkload.Deterministic, new FixedModeOptions(PairMode.Checkpoint));

        // One core of the guest while it runs; one on each host for the checkpoint while it stands still.
        Assert.Equal((0.25 + 0.2) / 0.35, idle.CpuRatio, tolerance: 0.01);
        var both = Run(ModeWorkload.Deterministic, new FixedModeOptions(PairMode.Colo));
        Assert.Equal(2, both.CpuRatio, tolerance: 0.01);
        Assert.InRange(both.NetworkBytesPerSec, kind.OutputBytesPerSec + kind.InputBytesPerSec, kind.WorkingSetBytes / 10);
        Assert.Equal((kind.DirtyBytesPerSec * 0.25 + Even.DeviceBytes) / 0.35, idle.NetworkBytesPerSec, tolerance: 0.05 * 16e6);
    }

    /// <summary>The guest is the same for all rules: what one of them does changes nothing in it.</summary>
    [Fact]
    public void A_guest_does_the_same_whoever_asks()
    {
        var (one, other) = (Trace(8), Trace(8));
        var missing = new List<double>();
        for (var at = 0.0; at < 100; at += 0.5)
        {
            _ = one.NextColoCheckpoint(99 - (at / 2), 20, 3, missing);
            Assert.Equal(one.NextColoCheckpoint(at, 20, 3, missing), other.NextColoCheckpoint(at, 20, 3, []));
            Assert.Equal(one.DirtyBytes(at, at + 3), other.DirtyBytes(at, at + 3));
            Assert.Equal(one.PauseFactorAt(at), other.PauseFactorAt(at));
        }

        Assert.NotEqual(Trace(9).DirtyBytes(0, 1), one.DirtyBytes(0, 1));

        static GuestTrace Trace(long seed) => new(ModeWorkload.Changing, HalfAnHour, new PairModel(), seed);
    }

    [Fact]
    public void A_changing_guest_is_each_of_the_others_for_one_to_five_minutes()
    {
        var guest = new GuestTrace(ModeWorkload.Changing, 100_000, Even, seed: 2);
        var phases = new List<(double From, GuestKind Kind)>();
        for (var at = 0.0; at < 100_000; at += 0.25)
        {
            if (phases.Count == 0 || phases[^1].Kind != guest.KindAt(at))
            {
                phases.Add((at, guest.KindAt(at)));
            }
        }

        var lengths = phases.Skip(1).Zip(phases, (next, one) => next.From - one.From).ToList();
        Assert.All(lengths, length => Assert.InRange(length, 59.7, 300.3));
        Assert.All(GuestKind.All, kind => Assert.InRange(phases.Count(one => one.Kind == kind), lengths.Count / 5, lengths.Count / 2));
    }

    [Fact]
    public void Memory_that_is_written_again_is_sent_once()
    {
        var guest = new GuestTrace(ModeWorkload.Threaded, 100, Even, seed: 1);
        Assert.InRange(guest.DirtyBytes(0, 0.001), 1, 1e6);
        Assert.InRange(guest.DirtyBytes(0, 60), 0.9 * GuestKind.Threaded.WorkingSetBytes, GuestKind.Threaded.WorkingSetBytes);
        Assert.Equal(0, guest.DirtyBytes(3, 3));
    }

    private static ModeFigures Run(ModeWorkload workload, ModeOptions options)
    {
        var guest = new GuestTrace(workload, HalfAnHour, Even, seed: 4);
        return new ModeRun(guest, Even, options.Create(new RandomStream(4, 100).NextDouble)).Run();
    }
}
