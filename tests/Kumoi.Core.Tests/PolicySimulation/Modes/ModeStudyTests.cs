using Kumoi.FaultTolerance.Modes;
using Kumoi.PolicySimulation.Modes;
using Xunit;

namespace Kumoi.Tests.PolicySimulation.Modes;

/// <summary>The study as ./build.sh simulate makes it: ten runs of half an hour. What is said here, docs/experiments.md says.</summary>
public sealed class ModeStudyTests
{
    private static readonly IReadOnlyList<ModeResult> Results = new ModeStudy { Seed = 2 }.Run(TestContext.Current.CancellationToken);

    [Fact]
    public void There_is_a_result_for_each_rule_with_each_guest_in_a_fixed_order()
    {
        Assert.Equal(
            ["Checkpoint", "COLO", "Moving average (ORBIT)", "Moving average, corrected", "Threshold", "Proportional-integral", "Learned"],
            Results.Take(7).Select(one => one.Policy));
        Assert.Equal(
            Enum.GetValues<ModeWorkload>().SelectMany(workload => Enumerable.Repeat(workload, 7)), Results.Select(one => one.Workload));
        Assert.All(Results, one => Assert.Equal(one.Policy is not ("Checkpoint" or "COLO"), one.IsHybrid));
    }

    [Fact]
    public void The_same_seed_gives_the_same_and_another_one_something_else()
    {
        var study = new ModeStudy { Runs = 2, Duration = TimeSpan.FromMinutes(2), Seed = 5 };
        var first = study.Run(TestContext.Current.CancellationToken);
        Assert.Equal(first, study.Run(TestContext.Current.CancellationToken));
        Assert.NotEqual(first, (study with { Seed = 6 }).Run(TestContext.Current.CancellationToken));
    }

    [Fact]
    public void What_a_rule_brings_does_not_depend_on_the_other_rules()
    {
        var study = new ModeStudy { Workloads = [ModeWorkload.Changing], Seed = 2, Hybrids = [new LearnedModeOptions()] };
        Assert.Equal(Of(ModeWorkload.Changing, "Learned"), study.Run(TestContext.Current.CancellationToken)[^1]);
    }

    [Fact]
    public void Which_fixed_mode_is_better_depends_on_the_guest()
    {
        Assert.Equal("COLO", Of(ModeWorkload.Deterministic, "Threshold").BetterFixed);
        Assert.Equal("Checkpoint", Of(ModeWorkload.Threaded, "Threshold").BetterFixed);
        Assert.True(Of(ModeWorkload.Threaded, "COLO").DowntimeDifference.Low > 0.3);
        Assert.True(Of(ModeWorkload.Deterministic, "Checkpoint").DowntimeDifference.Low > 0.2);
    }

    /// <summary>The goal of the design, which the threshold rule reaches.</summary>
    [Theory]
    [InlineData(ModeWorkload.Deterministic)]
    [InlineData(ModeWorkload.NonDeterministic)]
    [InlineData(ModeWorkload.Threaded)]
    [InlineData(ModeWorkload.Changing)]
    public void The_threshold_rule_is_not_worse_than_the_better_fixed_mode_within_its_interval(ModeWorkload workload)
    {
        var result = Of(workload, "Threshold");
        Assert.True(result.IsNotWorse, $"{result.DowntimeRatio} {result.DowntimeDifference}");
    }

    [Theory]
    [InlineData("Moving average (ORBIT)")]
    [InlineData("Moving average, corrected")]
    [InlineData("Threshold")]
    [InlineData("Proportional-integral")]
    [InlineData("Learned")]
    public void With_a_guest_that_changes_every_hybrid_is_better_than_both_fixed_modes(string policy)
    {
        var result = Of(ModeWorkload.Changing, policy);
        Assert.True(result.IsBetter, $"{result.DowntimeDifference}");
        Assert.True(result.DowntimeRatio.High < Of(ModeWorkload.Changing, "Checkpoint").DowntimeRatio.Low);
        Assert.True(result.DowntimeRatio.High < Of(ModeWorkload.Changing, "COLO").DowntimeRatio.Low);
    }

    /// <summary>A rule that tries COLO at all pays for it where COLO is bad, run by run: a little, and in no run nothing.</summary>
    [Theory]
    [InlineData("Moving average (ORBIT)", 0.01)]
    [InlineData("Threshold", 0.0015)]
    [InlineData("Proportional-integral", 0.01)]
    [InlineData("Learned", 0.005)]
    public void What_trying_COLO_costs_where_it_is_bad_is_little(string policy, double most)
    {
        var difference = Of(ModeWorkload.Threaded, policy).DowntimeDifference;
        Assert.InRange(difference.Low, 0, most);
        Assert.InRange(difference.High, 0, most);
    }

    /// <summary>Where the guest varies faster than trials may come, its misjudgements are dear: there it is not certainly above.</summary>
    [Theory]
    [InlineData(ModeWorkload.Deterministic, true)]
    [InlineData(ModeWorkload.NonDeterministic, false)]
    [InlineData(ModeWorkload.Threaded, true)]
    [InlineData(ModeWorkload.Changing, true)]
    public void The_learned_rule_keeps_to_its_exploration_share(ModeWorkload workload, bool isCertain)
    {
        var difference = Of(workload, "Learned").DowntimeDifference;
        var share = new LearnedModeOptions().ExplorationShare;
        Assert.True((isCertain ? difference.High : difference.Low) <= share, $"{difference}");
    }

    [Fact]
    public void A_cancelled_study_ends()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => new ModeStudy().Run(cancelled.Token));
    }

    private static ModeResult Of(ModeWorkload workload, string policy) =>
        Results.Single(one => one.Workload == workload && one.Policy == policy);
}
