using Kumoi.PolicySimulation.Modes;
using Xunit;

namespace Kumoi.Tests.PolicySimulation.Modes;

public sealed class LatencyDistributionTests
{
    [Fact]
    public void Mean_and_quantiles_are_those_of_all_that_was_added()
    {
        var held = new LatencyDistribution();
        held.Add(5, weight: 90);
        held.AddEvenly(100, 199, weight: 10); // one in each millisecond makes a tenth
        Assert.Equal((0.9 * 5) + (0.1 * 149.5), held.MeanMs, tolerance: 1e-9);
        Assert.Equal(5, held.Quantile(0.5));
        Assert.Equal(5, held.Quantile(0.9));
        Assert.Equal(149, held.Quantile(0.95), tolerance: 1);
        Assert.Equal(189, held.Quantile(0.99), tolerance: 1);
        Assert.Equal(199, held.Quantile(1), tolerance: 1);
    }

    [Fact]
    public void What_is_held_for_longer_than_a_minute_counts_as_a_minute()
    {
        var held = new LatencyDistribution();
        held.Add(1e9, 1);
        held.AddEvenly(59_000, 1e9, 1);
        Assert.Equal(60_000, held.Quantile(1));
    }
}
