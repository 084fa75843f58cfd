using Kumoi.PolicySimulation;
using Kumoi.Speculation.Reliability;
using Xunit;

namespace Kumoi.Tests.PolicySimulation;

public sealed class PolicyStudyTests
{
    private static readonly PolicyStudy Study = new()
    {
        Workload = PolicyWorkload.CapacityMultiplexing,
        FailureRates = [0.3, 0.1],
        Policies = [new ReplicationPolicy.AtOnce(2), new ReplicationPolicy.OneAtATime(), new ReplicationPolicy.Auto()],
        HostCount = 64,
        Duration = TimeSpan.FromHours(6),
        Runs = 3,
        Seed = 9,
    };

    [Fact]
    public async Task There_is_a_result_for_each_combination_in_a_fixed_order()
    {
        var results = await AllAsync(Study, 2);
        Assert.Equal(
            ["0.3 2 at once", "0.3 retry", "0.3 Auto at once", "0.1 2 at once", "0.1 retry", "0.1 Auto at once"],
            results.Select(result => FormattableString.Invariant($"{result.FailureRate} {result.Policy}")));
        Assert.Equal(["2", "1", "Auto"], results.Take(3).Select(result => result.Replicas));
    }

    [Fact]
    public async Task The_results_do_not_depend_on_how_many_runs_are_made_at_a_time() =>
        Assert.Equal(await AllAsync(Study, 1), await AllAsync(Study, 4));

    [Fact]
    public async Task Naive_retry_compared_with_itself_is_the_same()
    {
        var retry = (await AllAsync(Study, 2))[1];
        Assert.Equal(new KumoiFigure(1, 1, 1), retry.AttemptRatio);
        Assert.Equal(new KumoiFigure(0, 0, 0), retry.TimeImprovement);
    }

    [Fact]
    public async Task What_a_policy_brings_does_not_depend_on_the_other_policies()
    {
        var alone = await AllAsync(Study with { Policies = [new ReplicationPolicy.AtOnce(2)] }, 2);
        Assert.Equal((await AllAsync(Study, 2)).Where((_, i) => i % 3 == 0), alone);
    }

    [Fact]
    public async Task Leaving_the_results_early_stops_the_runs()
    {
        var endless = Study with { HostCount = 1024, Duration = TimeSpan.FromDays(100000) };
        using var stop = new CancellationTokenSource();
        var results = endless.RunAsync(2, stop.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
        var first = results.MoveNextAsync();
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await first);
    }

    private static async Task<IReadOnlyList<KumoiPolicyResult>> AllAsync(PolicyStudy study, int runsAtATime)
    {
        var results = new List<KumoiPolicyResult>();
        await foreach (var result in study.RunAsync(runsAtATime, TestContext.Current.CancellationToken))
        {
            results.Add(result);
        }

        return results;
    }
}
