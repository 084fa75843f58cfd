using Kumoi.FaultTolerance.Modes;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Modes;

public sealed class ThresholdModeTests
{
    /// <summary>By the average only, as in the paper; a checkpoint a second, so that times are counts.</summary>
    private static readonly ThresholdModeOptions Options = new()
    {
        GoodLength = TimeSpan.FromMilliseconds(400),
        MinCheckpoints = 5,
        Doubt = 0,
        Alpha = 2,
        Beta = 0.5,
        FirstStay = TimeSpan.FromSeconds(8),
        ShortestStay = TimeSpan.FromSeconds(5),
        LongestStay = TimeSpan.FromSeconds(60),
    };

    [Fact]
    public void The_time_in_checkpoint_mode_grows_by_alpha_while_COLO_is_bad_up_to_its_limit()
    {
        var mode = Options.Create();
        foreach (var stay in new[] { 16, 32, 60, 60 })
        {
            Assert.Equal(5, mode.UntilChange(0.1));
            Assert.Equal(
                FormattableString.Invariant(
                    $"checkpoints of COLO are 100 ms apart, 5 of 5 by a difference: tries it again in {stay:0.0} s"),
                mode.Current.Reason);
            Assert.Equal(stay, mode.UntilChange(1));
        }
    }

    [Fact]
    public void It_shrinks_by_beta_while_COLO_is_good_down_to_its_limit()
    {
        var mode = Options with { FirstStay = TimeSpan.FromSeconds(60) };
        var controller = mode.Create();
        controller.Add(5, 0.4); // just good: 30 s
        controller.Add(5, 10); // 15 s
        Assert.Equal(PairMode.Colo, controller.Current.Mode);
        controller.UntilChange(0.1);
        Assert.Equal(30, controller.UntilChange(1));
        controller.Add(500, 10);
        controller.UntilChange(0.1);
        Assert.Equal(10, controller.UntilChange(1)); // twice the shortest
    }

    [Fact]
    public void COLO_is_good_by_its_average_not_by_its_shortest()
    {
        var mode = Options.Create();
        mode.Add(Stretches.Of(PairMode.Colo, 2));
        Assert.Equal(PairMode.Colo, mode.Add(4, 0.05).Mode);
    }

    [Fact]
    public void COLO_that_is_bad_beyond_doubt_is_left_before_all_its_checkpoints_were_seen()
    {
        var patient = Options with { MinCheckpoints = 20 };
        Assert.Equal(20, patient.Create().UntilChange(0.01));
        Assert.Equal(2, (patient with { Doubt = 0.02 }).Create().UntilChange(0.01));
        Assert.Equal(20, (patient with { Doubt = 0.02 }).Create().UntilChange(0.39));
    }
}
