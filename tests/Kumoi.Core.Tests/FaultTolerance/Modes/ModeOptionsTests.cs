using Kumoi.FaultTolerance.Modes;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Modes;

public sealed class ModeOptionsTests
{
    public static TheoryData<ModeOptions, string> Wrong => new()
    {
        { new FixedModeOptions(PairMode.Colo) { ColoPeriod = TimeSpan.Zero }, "ColoPeriod is 0 s, and must be from 1 s to 600 s" },
        { new FixedModeOptions((PairMode)7), "Mode is 7, and must be Checkpoint or Colo" },
        { new MovingAverageModeOptions { Limit = -TimeSpan.FromSeconds(1) }, "Limit is -1 s, and must be from 0.001 s to 60 s" },
        { new MovingAverageModeOptions { MinCheckpoints = 0 }, "MinCheckpoints is 0, and must be from 1 to 1000" },
        { new MovingAverageModeOptions { StayCheckpoints = 0 }, "StayCheckpoints is 0, and must be from 1 to 1000000" },
        { new ThresholdModeOptions { Alpha = 1 }, "Alpha is 1, and must be more than 1, to 100" },
        { new ThresholdModeOptions { Alpha = double.NaN }, "Alpha is NaN, and must be more than 1, to 100" },
        { new ThresholdModeOptions { Beta = 1 }, "Beta is 1, and must be more than 0 and less than 1" },
        { new ThresholdModeOptions { Doubt = double.NaN }, "Doubt is NaN, and must be from 0 to 0.5" },
        { new ThresholdModeOptions { ShortestStay = TimeSpan.Zero }, "ShortestStay is 0 s, and must be from 1 s to 300 s" },
        { new ThresholdModeOptions { FirstStay = TimeSpan.FromSeconds(1) }, "FirstStay is 1 s, and must be from 5 s to 300 s" },
        { new ProportionalIntegralModeOptions { SetPoint = 0 }, "SetPoint is 0, and must be from 0.01 to 100" },
        { new ProportionalIntegralModeOptions { Kp = -0.5 }, "Kp is -0.5, and must be from 0 to 10" },
        { new ProportionalIntegralModeOptions { Ki = 0 }, "Ki is 0, and must be more than 0, to 10" },
        { new ProportionalIntegralModeOptions { Ki = double.PositiveInfinity }, "Ki is Infinity, and must be more than 0, to 10" },
        { new ProportionalIntegralModeOptions { Margin = 0 }, "Margin is 0, and must be from 0.001 to 1" },
        { new LearnedModeOptions { ExplorationShare = 0 }, "ExplorationShare is 0, and must be more than 0, to 0.5" },
        { new LearnedModeOptions { Doubt = 0.6 }, "Doubt is 0.6, and must be more than 0, to 0.5" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_is_out_of_its_range_is_refused_with_the_range(ModeOptions options, string problem)
    {
        var refused = Assert.Throws<InvalidOperationException>(() => options.Create());
        Assert.Equal($"'{options.Name}' cannot choose the mode of a pair: {problem}.", refused.Message);
    }

    [Fact]
    public void All_that_is_wrong_is_told_at_once()
    {
        var options = new ThresholdModeOptions { CheckpointPeriod = TimeSpan.FromMilliseconds(1), Alpha = 0.5, Beta = 2 };
        Assert.Equal(
            "'Threshold' cannot choose the mode of a pair: CheckpointPeriod is 0.001 s, and must be from 0.01 s to 10 s; "
            + "Alpha is 0.5, and must be more than 1, to 100; Beta is 2, and must be more than 0 and less than 1.",
            Assert.Throws<InvalidOperationException>(() => options.Create()).Message);
    }

    [Fact]
    public void A_fixed_mode_stays_what_it_is()
    {
        var colo = new FixedModeOptions(PairMode.Colo).Create();
        Assert.Equal((PairMode.Colo, TimeSpan.FromSeconds(20)), (colo.Add(1000, 0.001).Mode, colo.Current.Period));
        var checkpoint = new FixedModeOptions(PairMode.Checkpoint) { CheckpointPeriod = TimeSpan.FromMilliseconds(100) }.Create();
        Assert.Equal((PairMode.Checkpoint, TimeSpan.FromMilliseconds(100)), (checkpoint.Add(1000, 5).Mode, checkpoint.Current.Period));
    }
}
