using FsCheck;
using FsCheck.Fluent;
using Kumoi.FaultTolerance.Modes;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Modes;

public sealed class AdaptivePeriodTests
{
    [Fact]
    public void A_period_that_was_given_stays()
    {
        var period = new AdaptivePeriod(new PairGoals(PeriodMs: 250));
        period.Add(Cost(pause: 100, duration: 3000));
        Assert.Equal(250, period.Period.TotalMilliseconds);
        Assert.Null(period.Missed);
    }

    [Fact]
    public void A_downtime_ratio_is_kept_with_the_shortest_period_that_keeps_it()
    {
        var period = new AdaptivePeriod(new PairGoals(MaxDowntimeRatio: 0.05));
        period.Add(Cost(pause: 20, duration: 120));
        Assert.Equal(280, period.Period.TotalMilliseconds, tolerance: 0.01); // 20 of 400 ms
        Assert.Null(period.Missed);
    }

    [Fact]
    public void A_latency_is_kept_with_the_longest_period_that_keeps_it()
    {
        var period = new AdaptivePeriod(new PairGoals(MaxOutputLatencyMs: 500));
        period.Add(Cost(pause: 20, duration: 120));
        Assert.Equal(260, period.Period.TotalMilliseconds, tolerance: 0.01); // 120 + 260 + 120
        Assert.Null(period.Missed);
    }

    [Fact]
    public void Where_both_cannot_hold_the_latency_does_and_the_other_is_told()
    {
        var period = new AdaptivePeriod(new PairGoals(MaxDowntimeRatio: 0.01, MaxOutputLatencyMs: 500));
        period.Add(Cost(pause: 20, duration: 120));
        Assert.Equal(260, period.Period.TotalMilliseconds, tolerance: 0.01);
        Assert.Contains("stands still", period.Missed, StringComparison.Ordinal);
    }

    [Fact]
    public void A_latency_that_no_period_can_keep_is_told()
    {
        var period = new AdaptivePeriod(new PairGoals(MaxOutputLatencyMs: 100));
        period.Add(Cost(pause: 20, duration: 400));
        Assert.Equal(AdaptivePeriod.Shortest, period.Period);
        Assert.Equal("output is held up to 810 ms, not 100 ms", period.Missed);
    }

    [Fact]
    public void One_cheap_checkpoint_among_dear_ones_changes_nothing_and_dear_ones_are_forgotten_in_time()
    {
        var period = new AdaptivePeriod(new PairGoals(MaxDowntimeRatio: 0.1));
        period.Add(Cost(pause: 40, duration: 50));
        period.Add(Cost(pause: 2, duration: 5));
        Assert.Equal(350, period.Period.TotalMilliseconds, tolerance: 0.01);
        for (var i = 0; i < 8; i++)
        {
            period.Add(Cost(pause: 2, duration: 5));
        }

        Assert.Equal(15, period.Period.TotalMilliseconds, tolerance: 0.01);
    }

    /// <summary>What is not missed holds, for whatever checkpoints cost, and the period has limits.</summary>
    [Fact]
    public void What_is_not_missed_holds() => Check.QuickThrowOnFailure(Prop.ForAll(
        (from costs in Gen.Choose(0, 5000).Zip(Gen.Choose(0, 5000)).NonEmptyListOf()
         from ratio in Gen.Choose(1, 100)
         from latency in Gen.Choose(1, 20000)
         from which in Gen.Choose(0, 3)
         select (costs, ratio: ratio / 100.0, latency, which)).ToArbitrary(),
        given =>
        {
            var goals = new PairGoals(
                MaxDowntimeRatio: given.which is 0 or 2 ? given.ratio : null,
                MaxOutputLatencyMs: given.which is 1 or 2 ? given.latency : null);
            var period = new AdaptivePeriod(goals);
            foreach (var (a, b) in given.costs)
            {
                var cost = Cost(pause: Math.Min(a, b), duration: Math.Max(a, b));
                period.Add(cost);
                Assert.InRange(period.Period, AdaptivePeriod.Shortest, AdaptivePeriod.Longest);
                if (period.Missed is null)
                {
                    Assert.True(goals.MaxDowntimeRatio is not { } ratio || cost.Pause / (period.Period + cost.Duration) <= ratio * 1.01);
                    Assert.True(
                        goals.MaxOutputLatencyMs is not { } latency
                        || (period.Period + (2 * cost.Duration)).TotalMilliseconds <= latency * 1.01);
                }
            }
        }));

    private static CheckpointMeasure Cost(double pause, double duration) =>
        new(TimeSpan.FromMilliseconds(pause), TimeSpan.FromMilliseconds(duration), 1 << 20);
}
