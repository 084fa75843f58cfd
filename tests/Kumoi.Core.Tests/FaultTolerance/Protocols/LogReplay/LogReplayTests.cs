using Kumoi.FaultTolerance.Protocols;
using Kumoi.FaultTolerance.Protocols.LogReplay;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>
/// Every course of a pair that logs and replays: power losses, partitions, a broken channel, deaths of the process at either side, between
/// any two steps.
/// </summary>
public sealed class LogReplayTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Nothing_is_lost_contradicted_or_out_of_order_and_only_the_last_output_is_repeated_once_for_each_end(int depth)
    {
        var walk = ReplayDepths.Walk(depth);

        Holds(walk);
        Assert.Equal(walk.Model.MaxFaults, walk.MostRepeats);
    }

    [Fact]
    public void An_outside_that_drops_ids_it_has_gets_each_output_once()
    {
        var walk = ReplayWalk.Through(new ReplayModel { MaxFaults = 2, MaxHeld = 1, OutsideDropsKnown = true, ForbidsRepeats = true });

        Holds(walk);
        Assert.Equal(0, walk.MostRepeats);
        Assert.All(
            walk.Ends.Where(static end => (end.Live ?? end.Primary) is not null),
            static end => Assert.Equal([1L, 2L], end.Seen.Select(static output => output.Id)));
    }

    [Fact]
    public void A_channel_that_mixes_loses_and_repeats_messages_breaks_nothing() =>
        Holds(ReplayWalk.Through(new ReplayModel { MaxEvents = 0, MaxHeld = 1, MixesMessages = true }));

    [Fact]
    public void Outputs_that_do_not_wait_for_each_others_notices_are_all_repeated() =>
        Breaks(ReplayPromise.Repeated, new ReplayModel { Rule = OutputRule.Suffix });

    [Fact]
    public void One_output_at_a_time_needs_no_wait_for_notices_since_the_next_marker_comes_after_the_notice() =>
        Holds(ReplayWalk.Through(new ReplayModel { Rule = OutputRule.Suffix, MaxFaults = 2, MaxOutputs = 3, MaxEvents = 0, MaxHeld = 1 }));

    [Fact]
    public void The_rule_of_the_thesis_contradicts_what_was_seen() =>
        Breaks(ReplayPromise.Contradicted, new ReplayModel { Rule = OutputRule.Thesis });

    [Fact]
    public void The_classic_rule_loses_outputs() => Breaks(ReplayPromise.Lost, new ReplayModel { Rule = OutputRule.Classic });

    [Fact]
    public void No_wait_for_the_acknowledgement_contradicts_what_was_seen() =>
        Breaks(ReplayPromise.Contradicted, new ReplayModel { TakesSentForAcknowledged = true });

    [Fact]
    public void A_log_that_is_drained_out_of_order_puts_out_of_order() =>
        Breaks(ReplayPromise.OutOfOrder, new ReplayModel
        {
            Drain = static side => side.Drain() is var draining ? draining with { Held = draining.Held.Reverse() } : side,
        });

    [Fact]
    public void A_performed_id_that_is_not_written_down_is_performed_again() =>
        Breaks(ReplayPromise.Repeated, new ReplayModel { MaxFaults = 2, MaxOutputs = 1, ForgetsPerformed = true });

    [Fact]
    public void A_message_that_is_acknowledged_before_it_is_in_the_log_is_missed_after_the_death_of_the_process() =>
        Breaks(ReplayPromise.Contradicted, new ReplayModel { MaxFaults = 2, MaxOutputs = 1, AcknowledgesUnwritten = true });

    [Fact]
    public void Silence_that_is_taken_for_a_fence_lets_two_serve() =>
        Breaks(ReplayPromise.TwoServe, new ReplayModel { TakesSilenceForFenced = true });

    [Fact]
    public void A_takeover_before_the_fence_lets_two_serve() =>
        Breaks(ReplayPromise.TwoServe, new ReplayModel
        {
            Apply = static (record, happened) => PairRules.Apply(record, happened) is { Phase: PairPhase.FailingOver } over
                ? over with { Phase = PairPhase.TakingOver }
                : PairRules.Apply(record, happened),
        });

    [Fact]
    public void A_primary_that_goes_on_alone_before_its_backup_is_fenced_is_contradicted() =>
        Breaks(ReplayPromise.Contradicted, new ReplayModel { MaxFaults = 2, MaxOutputs = 1, GoesAloneWhileRevoking = true });

    [Fact]
    public void Messages_that_are_taken_as_they_come_are_performed_more_often() =>
        Breaks(ReplayPromise.Repeated, new ReplayModel
        {
            MaxEvents = 0,
            MaxOutputs = 1,
            MixesMessages = true,
            Receive = static (side, message) => side.Receive(message with { Number = side.Received + 1 }),
        });

    private void Holds(ReplayWalk walk)
    {
        Assert.True(walk.Broken.Count == 0, walk.Broken.FirstOrDefault()?.ToString());
        output.WriteLine($"{walk.Count} worlds, the last {walk.Depth} steps from the first: {walk.Model.Extent}");
    }

    private void Breaks(ReplayPromise promise, ReplayModel model)
    {
        var trace = ReplayWalk.Through(model, promise).FirstBroken(promise);

        Assert.True(trace is not null, "Nothing is found.");
        output.WriteLine(trace.ToString());
    }
}
