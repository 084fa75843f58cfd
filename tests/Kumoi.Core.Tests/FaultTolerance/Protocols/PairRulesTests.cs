using Kumoi.FaultTolerance.Protocols;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Protocols;

/// <summary>
/// Every course of a pair: power losses, partitions and deaths of the controller between any two steps. What was promised holds in every
/// world.
/// </summary>
public sealed class PairRulesTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(1, 4)]
    [InlineData(2, 3)]
    [InlineData(3, 2)]
    public void Nothing_runs_twice_is_lost_or_is_contradicted_whatever_fails_and_whenever(int faults, int outputs)
    {
        var explorer = new PairExplorer(new PairModel { MaxFaults = faults, MaxOutputs = outputs });

        Assert.Null(explorer.FindBroken());
        output.WriteLine($"{explorer.Count} worlds with {faults} faults and {outputs} outputs");
        Assert.Equal(Enum.GetValues<PairPhase>().Except([PairPhase.Stopped]), explorer.Phases.Keys.Order());
    }

    [Fact]
    public void A_host_that_does_not_answer_and_is_taken_for_fenced_runs_the_VM_twice() =>
        Assert.StartsWith("The VM runs twice", Broken(new PairModel { TakesSilenceForFenced = true }), StringComparison.Ordinal);

    [Fact]
    public void Output_that_goes_out_before_the_commit_is_contradicted() =>
        Assert.Contains("contradicted", Broken(new PairModel { ReleasesBeforeCommit = true }), StringComparison.Ordinal);

    [Fact]
    public void Output_beyond_the_cut_is_contradicted() =>
        Assert.Contains("contradicted", Broken(new PairModel { ReleasesAll = true }), StringComparison.Ordinal);

    [Fact]
    public void A_primary_that_goes_on_alone_while_its_checkpoint_still_counts_is_contradicted() =>
        Assert.StartsWith("A checkpoint that counts is not there", Broken(new PairModel
        {
            Apply = static (record, happened) => PairRules.Apply(record, happened) is { Phase: PairPhase.Unprotected } alone
                ? alone with { Checkpoint = record.Checkpoint }
                : PairRules.Apply(record, happened),
        }), StringComparison.Ordinal);

    [Fact]
    public void A_backup_that_takes_over_before_the_fence_runs_the_VM_twice() =>
        Assert.StartsWith("The VM runs twice", Broken(new PairModel
        {
            Apply = static (record, happened) => PairRules.Apply(record, happened) is { Phase: PairPhase.FailingOver } over
                ? over with { Phase = PairPhase.TakingOver }
                : PairRules.Apply(record, happened),
        }), StringComparison.Ordinal);

    [Fact]
    public void A_controller_that_goes_on_after_anothers_death_as_if_it_had_heard_everything_skips_output() =>
        Assert.StartsWith("Output is skipped", Broken(new PairModel { TrustsItsGate = true }), StringComparison.Ordinal);

    private static string Broken(PairModel model) =>
        new PairExplorer(model).FindBroken() ?? throw new InvalidOperationException("Nothing is found.");
}
