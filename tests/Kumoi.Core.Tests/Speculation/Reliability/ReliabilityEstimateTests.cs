using Kumoi.Speculation.Reliability;
using Xunit;

namespace Kumoi.Tests.Speculation.Reliability;

public sealed class ReliabilityEstimateTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 20, 12, 0, 0, TimeSpan.Zero);
    private static readonly ReliabilityPrior Prior = new(0.5, 2, TimeSpan.FromHours(1));

    [Fact]
    public void Before_anything_was_seen_the_prior_holds()
    {
        var estimate = default(ReliabilityEstimate);
        Assert.Equal(0.9, estimate.Success(Noon, ReliabilityPrior.Default), 12);
        Assert.Null(estimate.MeanDuration);
    }

    [Fact]
    public void The_mean_is_that_of_the_Beta_posterior()
    {
        // Beta(1 + 7, 1 + 3).
        Assert.Equal(8.0 / 12, Seen(7, 3).Success(Noon, Prior), 12);
    }

    [Fact]
    public void The_lower_bound_is_the_quantile_of_the_Beta_posterior()
    {
        // A Beta(8, 4) is at most x with the probability that 8 or more of 11 trials succeed, each with x: 0.05 at this x.
        Assert.Equal(0.4356258, Seen(7, 3).SuccessLowerBound(Noon, Prior), 6);
        Assert.True(
            Seen(70, 30).SuccessLowerBound(Noon, Prior) > Seen(7, 3).SuccessLowerBound(Noon, Prior), "more observations are more certain");
    }

    [Fact]
    public void After_a_half_life_an_observation_counts_half()
    {
        // Beta(1 + 3.5, 1 + 1.5).
        Assert.Equal(4.5 / 7, Seen(7, 3).Success(Noon.AddHours(1), Prior), 12);
        Assert.Equal(0.5, Seen(7, 3).Success(Noon.AddDays(30), Prior), 9);
    }

    [Fact]
    public void A_failure_lowers_the_estimate_and_says_nothing_of_the_duration()
    {
        var before = Seen(3, 0);
        var after = before.Observe(succeeded: false, TimeSpan.FromMinutes(5), Noon, Prior);
        Assert.True(after.Success(Noon, Prior) < before.Success(Noon, Prior));
        Assert.Equal(TimeSpan.FromSeconds(10), after.MeanDuration);
    }

    [Fact]
    public void The_mean_duration_follows_what_was_seen_lately()
    {
        var estimate = Seen(1, 0).Observe(succeeded: true, TimeSpan.FromSeconds(40), Noon.AddHours(1), Prior);
        Assert.Equal(30, estimate.MeanDuration!.Value.TotalSeconds, 9);
    }

    [Fact]
    public void An_abandoned_operation_counts_as_the_part_of_a_success_that_it_had_come_to()
    {
        var estimate = Seen(1, 1).ObserveAbandoned(0.5, Noon, Prior);
        Assert.Equal((1 + 1.5) / (2 + 2.5), estimate.Success(Noon, Prior), 12);
        Assert.Equal(TimeSpan.FromSeconds(10), estimate.MeanDuration);
    }

    [Fact]
    public void A_clock_that_went_back_forgets_nothing() =>
        Assert.Equal(Seen(7, 3).Success(Noon, Prior), Seen(7, 3).Success(Noon.AddHours(-5), Prior), 12);

    private static ReliabilityEstimate Seen(int successes, int failures)
    {
        var estimate = default(ReliabilityEstimate);
        for (var i = 0; i < successes + failures; i++)
        {
            estimate = estimate.Observe(i < successes, TimeSpan.FromSeconds(10), Noon, Prior);
        }

        return estimate;
    }
}
