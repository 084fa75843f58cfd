using Kumoi.FaultTolerance.Modes;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Modes;

public sealed class ProportionalIntegralModeTests
{
    private static readonly ProportionalIntegralModeOptions Options = new()
    {
        SetPoint = 4,
        Kp = 0.05,
        Ki = 0.01,
        ControlPeriod = TimeSpan.FromSeconds(10),
    };

    [Fact]
    public void The_share_goes_as_computed_by_hand()
    {
        var mode = (ProportionalIntegralMode)Options.Create();

        // Ten checkpoints a second for 10 s: e = 6, ρ = 0.05·6 + 0.01·60 = 0.9.
        var decision = mode.Add(100, 0.1);
        Assert.Equal(0.9, mode.Share, tolerance: 1e-9);
        Assert.Equal((PairMode.Colo, TimeSpan.FromSeconds(1)), (decision.Mode, decision.Period));
        Assert.Equal("10.00 checkpoints per second, 4.00 are wanted: 90 % of the time in checkpoint mode", decision.Reason);

        // The last 0.2 s of the second of COLO are less than a checkpoint's period.
        Assert.Equal(8, mode.UntilChange(0.1));
        Assert.Equal(TimeSpan.FromMilliseconds(250), mode.Current.Period);

        // 23 of 0.4 s: with the 8 of COLO 3.1 a second, e = −0.9, ρ = 0.05·(−0.9) + 0.01·(60 − 9) = 0.465.
        Assert.Equal(23, mode.UntilChange(0.25, 0.15));
        Assert.Equal(0.465, mode.Share, tolerance: 1e-9);
        Assert.Equal(TimeSpan.FromSeconds(5.35), mode.Current.Period);
    }

    /// <summary>
    /// Saturated for an hour, at either end: with an error of the other sign it goes back at once, and is at the other end after
    /// 1 / (Ki·|e|·dt) steps, here 1 / (0.01·3.5·10) or 1 / (0.01·1·10), and one more. Without a limit to its sum it would take an hour.
    /// </summary>
    [Fact]
    public void It_recovers_from_a_long_saturation_in_a_few_steps()
    {
        var mode = (ProportionalIntegralMode)Options.Create();
        Hold(mode, checkpointsPerSecond: 20, steps: 360);
        Assert.Equal(1, mode.Share);
        Assert.InRange(Hold(mode, checkpointsPerSecond: 0.5, steps: 1), 0, 0.999);
        Assert.Equal(0, Hold(mode, checkpointsPerSecond: 0.5, steps: 3));

        Hold(mode, checkpointsPerSecond: 0.1, steps: 360);
        Assert.InRange(Hold(mode, checkpointsPerSecond: 5, steps: 1), 0.001, 1);
        Assert.Equal(1, Hold(mode, checkpointsPerSecond: 5, steps: 10), tolerance: 1e-9);
    }

    [Fact]
    public void A_share_of_nothing_leaves_COLO_its_own_period()
    {
        var mode = Options.Create();
        Assert.Equal(TimeSpan.FromSeconds(20), mode.Add(5, 8).Period);
        Assert.Equal(PairMode.Colo, mode.Current.Mode);
    }

    /// <summary>So it comes back to COLO, whatever the machine's pauses are. With a set-point that is too low it never does.</summary>
    [Theory]
    [InlineData(0.01)]
    [InlineData(0.2)]
    public void Without_a_set_point_it_wants_a_little_more_than_checkpoint_mode_makes(double pauseSec)
    {
        var mode = (ProportionalIntegralMode)new ProportionalIntegralModeOptions().Create();
        var guest = new RandomGuest(1) { MeanSec = 0.02, PauseSec = pauseSec };
        guest.Run(mode, 300);
        Assert.InRange(mode.Share, 0.9, 1);
        guest.MeanSec = 1000;
        guest.Run(mode, 600);
        Assert.Equal(0, mode.Share);

        var low = new ProportionalIntegralModeOptions { SetPoint = 1 }.Create();
        low.UntilChange(0.05);
        Assert.Equal(PairMode.Checkpoint, low.Add(10_000, 0.25, 0.1).Mode);
    }

    /// <summary>Control periods with a rate that is the same in both modes.</summary>
    private static double Hold(ProportionalIntegralMode mode, double checkpointsPerSecond, int steps)
    {
        mode.Add((int)(steps * 10 * checkpointsPerSecond), 1 / checkpointsPerSecond);
        return mode.Share;
    }
}
