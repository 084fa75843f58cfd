using Kumoi.Speculation.Reliability;
using Xunit;

namespace Kumoi.Tests.Speculation.Reliability;

public sealed class DurationWindowTests
{
    [Fact]
    public void It_says_nothing_before_enough_was_seen()
    {
        Assert.Null(Of(Enumerable.Range(1, DurationWindow.Enough - 1)).Percentile(95));
        Assert.Equal(19, Of(Enumerable.Range(1, DurationWindow.Enough)).Percentile(95));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(50, 50)]
    [InlineData(95, 95)]
    [InlineData(100, 100)]
    public void A_percentile_is_the_duration_that_this_share_does_not_exceed(double percentile, double expected) =>
        Assert.Equal(expected, Of(Enumerable.Range(1, 100).Reverse()).Percentile(percentile));

    [Fact]
    public void The_oldest_are_forgotten() => Assert.Equal(5000 - 511, Of(Enumerable.Range(1, 5000)).Percentile(0));

    [Fact]
    public void What_was_given_up_counts_as_longer()
    {
        var window = Of(Enumerable.Repeat(10, 95));
        for (var i = 0; i < 5; i++)
        {
            window.AddUnfinished();
        }

        Assert.Equal(10, window.Percentile(95));
        Assert.Equal(double.PositiveInfinity, window.Percentile(96));
    }

    private static DurationWindow Of(IEnumerable<int> durations)
    {
        var window = new DurationWindow();
        foreach (var duration in durations)
        {
            window.Add(duration);
        }

        return window;
    }
}
