using Kumoi.FaultTolerance.Modes;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Modes;

public sealed class MovingAverageModeTests
{
    /// <summary>
    /// Computed by hand: 0.7·0 + 0.3·1000 = 300; 510; 0.7·510 + 0.3·200 = 417; 351.9; 0.7·351.9 + 0.3·100 = 276.33.
    /// </summary>
    [Fact]
    public void The_rule_of_ORBIT_goes_as_computed_by_hand()
    {
        var mode = new MovingAverageModeOptions().Create();
        Assert.Equal(PairMode.Colo, mode.Current.Mode);
        foreach (var length in new[] { 1.0, 1.0, 0.2, 0.2 })
        {
            // Below 400 ms from the first on, with 300, and again at the fourth: but less than five are not judged.
            Assert.Equal(PairMode.Colo, mode.Add(Stretches.Of(PairMode.Colo, length, pauseSec: 5)).Mode);
        }

        var left = mode.Add(Stretches.Of(PairMode.Colo, 0.1));
        Assert.Equal((PairMode.Checkpoint, true), (left.Mode, left.IsChange));
        Assert.Equal(TimeSpan.FromMilliseconds(250), left.Period);
        Assert.Equal("checkpoints of COLO are 276 ms apart, less than 400 ms", left.Reason);

        for (var i = 1; i < 100; i++)
        {
            Assert.Equal(PairMode.Checkpoint, mode.Add(Stretches.Of(PairMode.Checkpoint, 0.25)).Mode);
        }

        var back = mode.Add(Stretches.Of(PairMode.Checkpoint, 0.25));
        Assert.Equal((PairMode.Colo, true, TimeSpan.FromSeconds(20)), (back.Mode, back.IsChange, back.Period));
        Assert.Equal("tries COLO again after 100 checkpoints", back.Reason);

        // Mean and count begin at 0 again: 150, 255, 328.5, 379.95, 415.965.
        Assert.Equal(PairMode.Colo, mode.Add(4, 0.5).Mode);
        Assert.Equal("checkpoints of COLO are 416 ms apart", mode.Add(1, 0.5).Reason);
    }

    [Fact]
    public void A_single_short_length_among_long_ones_is_no_reason_to_leave_COLO()
    {
        var mode = new MovingAverageModeOptions().Create();
        mode.Add(6, 2);
        Assert.Equal(PairMode.Colo, mode.Add(1, 0.001).Mode);
    }

    /// <summary>400 ms · (1 − 0.7⁵) is 333 ms: the mean begins at 0, which makes it too small.</summary>
    [Fact]
    public void The_corrected_variant_has_no_bias_after_a_few_lengths()
    {
        Assert.Equal(PairMode.Checkpoint, new MovingAverageModeOptions().Create().Add(5, 0.45).Mode);
        var corrected = new MovingAverageModeOptions { IsBiasCorrected = true }.Create();
        Assert.Equal(PairMode.Colo, corrected.Add(5, 0.45).Mode);
        Assert.Equal("checkpoints of COLO are 450 ms apart", corrected.Current.Reason);
        Assert.Equal(PairMode.Checkpoint, new MovingAverageModeOptions { IsBiasCorrected = true }.Create().Add(5, 0.35).Mode);
    }
}
