using Kumoi.FaultTolerance.Protocols.LogReplay;
using Xunit;

namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>What the two sides refuse, whatever an engine does with them, and what a second process finds.</summary>
public sealed class LogReplaySidesTests
{
    [Fact]
    public void Ids_go_on_from_those_before_the_pair()
    {
        var primary = ReplayPrimary.Begin(OutputRule.Kumoi, maxHeld: 2, lastPerformed: 7).Hold(out var first).Hold(out var second);

        Assert.Equal([new LogMessage.Output(1, 8), new LogMessage.Output(2, 9)], [first, second]);
        Assert.True(primary.MustWait);
        Assert.Throws<InvalidOperationException>(() => primary.Hold(out _));
    }

    [Fact]
    public void The_next_output_waits_for_the_acknowledgement_and_for_that_of_the_notice_before()
    {
        var primary = ReplayPrimary.Begin(OutputRule.Kumoi, maxHeld: 2, lastPerformed: 0).Hold(out _).Hold(out _);
        Assert.Null(primary.Next);
        Assert.Throws<InvalidOperationException>(() => primary.Perform(1, out _));

        primary = primary.Acknowledge(2);
        Assert.Equal(1, primary.Next);
        Assert.Throws<InvalidOperationException>(() => primary.Perform(2, out _));

        primary = primary.Perform(1, out var notice);
        Assert.Equal(new LogMessage.Performed(3, 1), notice);
        Assert.Null(primary.Next);
        Assert.Equal(2, primary.Acknowledge(3).Next);
    }

    [Fact]
    public void An_acknowledgement_of_what_was_not_sent_and_one_that_comes_late_change_nothing()
    {
        var primary = ReplayPrimary.Begin(OutputRule.Kumoi, maxHeld: 1, lastPerformed: 0).Record(out _).Hold(out _).Acknowledge(1);

        Assert.Same(primary, primary.Acknowledge(3));
        Assert.Same(primary, primary.Acknowledge(0));
        Assert.Null(primary.Next);
    }

    [Fact]
    public void A_primary_that_is_alone_performs_what_it_held_and_sends_nothing()
    {
        var primary = ReplayPrimary.Begin(OutputRule.Kumoi, maxHeld: 2, lastPerformed: 0).Hold(out _).GoAlone();
        Assert.Equal(1, primary.Next);

        primary = primary.Perform(1, out var notice).Record(out var events).Hold(out var output);
        Assert.Equal([null, null, null], new LogMessage?[] { notice, events, output });
        Assert.Equal(2, primary.Next);
    }

    [Fact]
    public void A_message_that_is_not_the_next_is_not_taken()
    {
        var backup = ReplayBackup.Begin(OutputRule.Kumoi, lastPerformed: 0).Receive(new LogMessage.Events(1));

        Assert.Same(backup, backup.Receive(new LogMessage.Output(3, 1)));
        Assert.Same(backup, backup.Receive(new LogMessage.Events(1)));
        Assert.Equal(1, backup.Received);
    }

    [Fact]
    public void Nothing_is_performed_or_live_before_the_log_is_drained_and_nothing_is_taken_after()
    {
        var backup = ReplayBackup.Begin(OutputRule.Kumoi, lastPerformed: 0).Receive(new LogMessage.Output(1, 1)).Replay();
        Assert.Null(backup.Next);
        Assert.Throws<InvalidOperationException>(() => backup.Perform(1));
        Assert.Throws<InvalidOperationException>(() => backup.Replay());

        backup = backup.Drain();
        Assert.Same(backup, backup.Receive(new LogMessage.Performed(2, 1)));
        Assert.Throws<InvalidOperationException>(() => backup.GoLive(1));
        Assert.Throws<InvalidOperationException>(() => backup.Perform(2));

        var live = backup.Perform(1).GoLive(1).Hold(out _);
        Assert.Equal(2, live.Next);
    }

    [Fact]
    public void A_second_process_performs_what_the_first_has_not_written_down()
    {
        LogMessage[] log =
        [
            new LogMessage.Output(1, 5), new LogMessage.Performed(2, 5), new LogMessage.Output(3, 6), new LogMessage.Events(4),
            new LogMessage.Output(5, 7),
        ];
        var first = ReplayBackup.Recover(OutputRule.Kumoi, begunWith: 4, log, lastPerformed: 0).Drain();
        var second = ReplayBackup.Recover(OutputRule.Kumoi, begunWith: 4, log, lastPerformed: 6).Drain();

        Assert.Equal([6, 7], PerformAll(first));
        Assert.Equal([7], PerformAll(second));
    }

    private static IEnumerable<long> PerformAll(ReplayBackup backup)
    {
        while (!backup.IsDrained)
        {
            if (backup.Next is { } id)
            {
                yield return id;
                backup = backup.Perform(id);
            }
            else
            {
                backup = backup.Replay();
            }
        }
    }
}
