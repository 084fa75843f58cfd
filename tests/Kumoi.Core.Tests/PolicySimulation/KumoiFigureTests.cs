using System.Globalization;
using Xunit;

namespace Kumoi.Tests.PolicySimulation;

public sealed class KumoiFigureTests
{
    // R: qt(0.975, df), qt(0.995, 9).
    [Theory]
    [InlineData(0.95, 1, 12.7062047362)]
    [InlineData(0.95, 4, 2.7764451052)]
    [InlineData(0.95, 30, 2.0422724563)]
    [InlineData(0.99, 9, 3.2498355416)]
    public void Student_s_t_is_that_of_the_tables(double confidence, int degreesOfFreedom, double expected) =>
        Assert.Equal(expected, BetaDistribution.StudentT(confidence, degreesOfFreedom), 6);

    [Fact]
    public void The_interval_is_that_of_Student()
    {
        var figure = KumoiFigure.Of([1, 2, 3, 4, 5]);
        Assert.Equal(3, figure.Mean, 12);
        // 2.7764451 · √2.5 / √5.
        Assert.Equal(1.9632432, figure.HalfWidth, 6);
        Assert.Equal(figure.Mean - figure.HalfWidth, figure.Low, 12);
    }

    [Fact]
    public void A_single_run_has_no_interval() => Assert.True(double.IsNaN(KumoiFigure.Of([7]).HalfWidth));

    [Fact]
    public void A_figure_is_written_with_its_interval_in_any_format_of_a_number()
    {
        var figure = new KumoiFigure(0.5, 0.4, 0.6);
        Assert.Equal("50.0% ± 10.0%", string.Format(CultureInfo.InvariantCulture, "{0:0.0%}", figure));
        Assert.Equal("7.00", string.Format(CultureInfo.InvariantCulture, "{0:0.00}", KumoiFigure.Of([7])));
    }

    [Fact]
    public void Figures_are_ordered_by_their_mean() => Assert.True(KumoiFigure.Of([1, 2]).CompareTo(KumoiFigure.Of([0, 4])) < 0);
}
