using Kumoi.FaultTolerance.Modes;
using Kumoi.PolicySimulation;
using Kumoi.PolicySimulation.Modes;
using Xunit;

namespace Kumoi.Tests.PolicySimulation.Modes;

/// <summary>Which mode fits a VM, from the checkpoints that its pair has recorded.</summary>
public sealed class RecordedModeStudyTests
{
    [Theory]
    [InlineData(ModeWorkload.Deterministic, "COLO")]
    [InlineData(ModeWorkload.Threaded, "Checkpoint")]
    public void The_mode_that_is_better_for_a_guest_is_found_from_what_a_learning_pair_recorded_of_it(ModeWorkload workload, string better)
    {
        var results = new RecordedModeStudy { Stretches = Record(workload, new LearnedModeOptions()), Runs = 4 }
            .Run(TestContext.Current.CancellationToken);

        Assert.Equal(7, results.Count);
        var ratios = results.Select(static result => result.DowntimeRatio.Mean).ToList();
        Assert.Equal(ratios.Order(), ratios);
        Assert.Equal(better, results.First(static result => result.Policy is "COLO" or "Checkpoint").Policy);
    }

    /// <summary>What the record tells of the mode that it was in comes to what was measured.</summary>
    [Theory]
    [InlineData(ModeWorkload.Deterministic, PairMode.Checkpoint)]
    [InlineData(ModeWorkload.Threaded, PairMode.Checkpoint)]
    [InlineData(ModeWorkload.NonDeterministic, PairMode.Colo)]
    public void A_recorded_pair_comes_to_what_it_came_to(ModeWorkload workload, PairMode mode)
    {
        var stretches = Record(workload, new FixedModeOptions(mode));
        var measured = stretches.Sum(static stretch => stretch.Cost.Pause.TotalSeconds)
            / stretches.Sum(static stretch => stretch.Elapsed.TotalSeconds);

        var found = new RecordedModeStudy { Stretches = stretches, Runs = 3 }.Run(TestContext.Current.CancellationToken)
            .Single(result => result.Policy == new FixedModeOptions(mode).Name);

        Assert.InRange(found.DowntimeRatio.Mean, 0.85 * measured, 1.15 * measured);
    }

    [Fact]
    public void Nothing_is_said_of_COLO_where_a_pair_never_was_in_it()
    {
        var stretches = Record(ModeWorkload.Deterministic, new FixedModeOptions(PairMode.Checkpoint));
        var results = new RecordedModeStudy { Stretches = stretches, Runs = 2 }.Run(TestContext.Current.CancellationToken);

        Assert.Equal(["Checkpoint"], results.Select(static result => result.Policy));
    }

    /// <summary>Migrate copies for half a second while the guest runs: output waits for that.</summary>
    [Fact]
    public void The_time_for_which_a_checkpoint_is_copied_while_the_guest_runs_holds_output_but_not_the_guest()
    {
        var cost = new CheckpointMeasure(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(510), 1_000_000);
        var stretches = Enumerable.Repeat(
            new ModeStretch(PairMode.Checkpoint, TimeSpan.FromMilliseconds(100), CheckpointCause.Period, cost), 200).ToList();

        var found = Assert.Single(
            new RecordedModeStudy { Stretches = stretches, Runs = 2, CheckpointPeriod = TimeSpan.FromMilliseconds(100) }
                .Run(TestContext.Current.CancellationToken));

        Assert.Equal(10.0 / 610, found.DowntimeRatio.Mean, tolerance: 1e-3);
        Assert.InRange(found.LatencyMs.Mean, 300, 320); // half of the 600 ms, and the pause
    }

    [Fact]
    public void Of_few_checkpoints_nothing_is_told()
    {
        var stretches = Record(ModeWorkload.Deterministic, new FixedModeOptions(PairMode.Checkpoint)).Take(5).ToList();
        var refused = Assert.Throws<InvalidOperationException>(
            () => new RecordedModeStudy { Stretches = stretches }.Run(TestContext.Current.CancellationToken));
        Assert.Contains("Only 5 checkpoints", refused.Message, StringComparison.Ordinal);
    }

    private static List<ModeStretch> Record(ModeWorkload workload, ModeOptions rule)
    {
        var model = new PairModel();
        var random = new RandomStream(7, 1);
        List<ModeStretch> stretches = [];
        new ModeRun(new GuestTrace(workload, 600, model, 7), model, rule.Create(random.NextDouble))
            .Run((stretch, _) => stretches.Add(stretch));
        return stretches;
    }
}
