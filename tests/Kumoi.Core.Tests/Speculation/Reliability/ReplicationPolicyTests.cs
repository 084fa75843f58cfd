using Kumoi.Speculation.Reliability;
using Xunit;

namespace Kumoi.Tests.Speculation.Reliability;

public sealed class ReplicationPolicyTests
{
    [Fact]
    public void Independent_targets_all_fail_with_the_product_of_their_probabilities() =>
        Assert.Equal(1 - (0.2 * 0.5 * 0.1), ReplicaPrediction.Success([new(0.8), new(0.5, "a"), new(0.9, "b")]), 12);

    [Fact]
    public void Targets_of_one_rack_share_a_part_of_their_failures()
    {
        // Beta factor 0.5: 0.1 common, and each on its own with 0.1 / 0.9.
        Assert.Equal(1 - (0.1 + (0.9 * (0.1 / 0.9) * (0.1 / 0.9))), ReplicaPrediction.Success([new(0.8, "a"), new(0.8, "a")]), 12);
        Assert.Equal(0.8, ReplicaPrediction.Success([new(0.8, "a")]), 12);
        Assert.Equal(0, ReplicaPrediction.Success([]), 12);
        Assert.Equal(0, ReplicaPrediction.Success([new(0, "a"), new(0, "a")]), 12);
    }

    [Fact]
    public void A_fixed_number_takes_the_first_candidates_as_far_as_there_are_some()
    {
        Assert.Equal([0], new ReplicationPolicy.OneAtATime().Choose(Equal(0.1, 3)));
        Assert.Equal([0, 1], new ReplicationPolicy.AtOnce(2).Choose(Equal(0.1, 3)));
        Assert.Equal([0, 1, 2], new ReplicationPolicy.Hedged(4, 95).Choose(Equal(0.1, 3)));
    }

    [Theory]
    [InlineData(0.995, 1)]
    [InlineData(0.95, 2)]
    [InlineData(0.8, 3)]
    [InlineData(0.5, 4)]
    public void Auto_takes_the_fewest_that_reach_the_wanted_success_within_the_cost(double success, int expected) =>
        Assert.Equal(Enumerable.Range(0, expected), new ReplicationPolicy.Auto(0.99, 4).Choose(Equal(success, 8)));

    [Fact]
    public void Auto_takes_the_most_reliable_target() =>
        Assert.Equal([2], new ReplicationPolicy.Auto(0.95).Choose([new(0.6, "a"), new(0.9, "b"), new(0.97, "c")]));

    [Fact]
    public void Auto_prefers_another_rack() =>
        Assert.Equal([0, 2], new ReplicationPolicy.Auto(0.95).Choose([new(0.8, "a"), new(0.8, "a"), new(0.78, "b")]));

    [Fact]
    public void Auto_takes_the_preferred_of_those_that_are_enough()
    {
        // Each of the last three is enough by itself, and of two the first two are.
        Assert.Equal([1], new ReplicationPolicy.Auto(0.95).Choose([new(0.6, "a"), new(0.96, "b"), new(0.99, "c"), new(0.999, "d")]));
        Assert.Equal([0, 1], new ReplicationPolicy.Auto(0.97).Choose([new(0.8, "a"), new(0.9, "b"), new(0.95, "c"), new(0.9, "d")]));
        // With the first it takes the most reliable one.
        Assert.Equal([0, 2], new ReplicationPolicy.Auto(0.985).Choose([new(0.8, "a"), new(0.9, "b"), new(0.95, "c"), new(0.9, "d")]));
    }

    [Fact]
    public void Auto_takes_one_target_at_least_if_there_is_one()
    {
        Assert.Equal([0], new ReplicationPolicy.Auto(0).Choose(Equal(0.5, 2)));
        Assert.Empty(new ReplicationPolicy.Auto().Choose([]));
    }

    [Fact]
    public void A_policy_without_a_replica_or_with_a_percentile_beyond_100_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReplicationPolicy.AtOnce(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReplicationPolicy.Hedged(2, 101));
    }

    private static ReplicaCandidate[] Equal(double success, int count) =>
        [.. Enumerable.Range(0, count).Select(i => new ReplicaCandidate(success, $"rack{i}"))];
}
