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
        Assert.Equal(
            Enum.GetValues<PairPhase>().Except([PairPhase.Stopped, PairPhase.Revoking, PairPhase.Unknown]), explorer.Phases.Keys.Order());
    }

    [Theory]
    [InlineData(1, 4)]
    [InlineData(2, 3)]
    [InlineData(3, 2)]
    public void The_same_holds_for_checkpoints_that_are_lost_with_their_host_but_for_the_loss_of_both_hosts(int faults, int outputs)
    {
        var explorer = new PairExplorer(new PairModel { KeepsInMemory = true, MaxFaults = faults, MaxOutputs = outputs });

        Assert.Null(explorer.FindBroken());
        output.WriteLine($"{explorer.Count} worlds with {faults} faults and {outputs} outputs");
        Assert.Equal(
            Enum.GetValues<PairPhase>().Except([PairPhase.Stopped, PairPhase.Reprotecting, PairPhase.Unknown]), explorer.Phases.Keys.Order());
    }

    [Fact]
    public void A_checkpoint_in_memory_that_is_taken_for_one_on_storage_costs_the_last_copy() =>
        Assert.StartsWith("The last copy of the VM is ended", Broken(new PairModel
        {
            KeepsInMemory = true,
            Apply = static (record, happened) => happened is PairEvent.CheckpointMade made
                ? PairRules.Apply(record, new PairEvent.CheckpointMade(made.Checkpoint with { Standby = null }))
                : PairRules.Apply(record, happened),
        }), StringComparison.Ordinal);

    [Fact]
    public void A_primary_that_is_fenced_although_its_backup_has_lost_the_checkpoint_was_the_last_copy() =>
        Assert.StartsWith("The last copy of the VM is ended", Broken(new PairModel
        {
            KeepsInMemory = true,
            FencesWithoutKeeper = true,
        }), StringComparison.Ordinal);

    [Fact]
    public void Output_that_goes_out_while_the_backup_may_still_take_over_is_contradicted() =>
        Assert.Contains(
            "contradicted", Broken(new PairModel { KeepsInMemory = true, OpensWhileRevoking = true }), StringComparison.Ordinal);

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
