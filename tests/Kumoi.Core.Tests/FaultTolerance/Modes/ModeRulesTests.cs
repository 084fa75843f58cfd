using Kumoi.FaultTolerance.Modes;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Modes;

public sealed class ModeRulesTests
{
    [Fact]
    public void Options_are_given_by_name_and_times_in_milliseconds()
    {
        var options = Assert.IsType<MovingAverageModeOptions>(ModeRules.Create(
            ModeRule.MovingAverage,
            Given(("limitms", 1500), ("MinCheckpoints", "7"), ("IsBiasCorrected", true), ("CheckpointPeriodMs", 50.5))));
        Assert.Equal(TimeSpan.FromMilliseconds(1500), options.Limit);
        Assert.Equal((7, true), (options.MinCheckpoints, options.IsBiasCorrected));
        Assert.Equal(TimeSpan.FromMilliseconds(50.5), options.CheckpointPeriod);
        Assert.Equal(new FixedModeOptions(PairMode.Checkpoint), ModeRules.Create(ModeRule.Fixed, Given(("Mode", "checkpoint"))));
        Assert.Equal(2.5, ((ProportionalIntegralModeOptions)ModeRules.Create(
            ModeRule.ProportionalIntegral, Given(("SetPoint", 2.5)))).SetPoint);
    }

    [Theory]
    [InlineData(ModeRule.Learned, "Alpha", 2, "ExplorationShare")] // the names that there are
    [InlineData(ModeRule.Threshold, "Alpha", 0.5, "must be more than 1")]
    [InlineData(ModeRule.Threshold, "Alpha", "much", "Alpha")]
    [InlineData(ModeRule.Fixed, "Mode", "Fast", "Mode")]
    [InlineData(ModeRule.MovingAverage, "MinCheckpoints", null, "MinCheckpoints")]
    public void What_a_rule_does_not_have_or_is_out_of_range_is_refused_and_it_says_what_there_is(
        ModeRule rule, string name, object? value, string said)
    {
        var error = Assert.Throws<InvalidOperationException>(() => ModeRules.Create(rule, Given((name, value))));
        Assert.Contains(said, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_order_of_a_pair_keeps_them()
    {
        foreach (var rule in Enum.GetValues<ModeRule>())
        {
            var options = ModeRules.Create(rule, Given(("ColoPeriodMs", 5000)));
            var json = System.Text.Json.JsonSerializer.Serialize(options);
            Assert.Equal(options, System.Text.Json.JsonSerializer.Deserialize<ModeOptions>(json));
        }
    }

    private static IEnumerable<KeyValuePair<string, object?>> Given(params (string Name, object? Value)[] given) =>
        given.Select(static one => KeyValuePair.Create(one.Name, one.Value));
}
