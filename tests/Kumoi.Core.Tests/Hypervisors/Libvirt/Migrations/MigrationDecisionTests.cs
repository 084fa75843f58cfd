using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Libvirt.Migrations;
using Kumoi.Hypervisors.Libvirt.Native;
using Xunit;

namespace Kumoi.Tests.Hypervisors.Libvirt.Migrations;

/// <summary>What is concluded from what both ends of a migration have. The rows are the failures that were measured in the lab.</summary>
public sealed class MigrationDecisionTests
{
    private static readonly bool[] Either = [false, true];

    private static IEnumerable<MigrationFacts> Everything =>
        from isDone in Either
        from isLost in Either
        from hasJob in Either
        from wasPaused in Either
        from source in Enum.GetValues<VMWhereabouts>()
        from target in Enum.GetValues<VMWhereabouts>()
        select new MigrationFacts(isDone, isLost, hasJob, wasPaused, source, target);

    [Fact]
    public void A_migration_that_succeeded_moved_the_VM()
    {
        Assert.Equal(MigrationVerdict.Moved, Done(VMWhereabouts.Absent, VMWhereabouts.Running));
        Assert.Equal(MigrationVerdict.Moved, Done(VMWhereabouts.Unknown, VMWhereabouts.Running)); // the source died right afterwards
        Assert.Equal(MigrationVerdict.Moved, Done(VMWhereabouts.Absent, VMWhereabouts.Paused)); // it was paused before
        Assert.Equal(MigrationVerdict.Undecided, Done(VMWhereabouts.Absent, VMWhereabouts.Unknown));
    }

    [Fact]
    public void A_migration_that_failed_left_the_VM_where_it_was()
    {
        Assert.Equal(MigrationVerdict.Stayed, Failed(VMWhereabouts.Running, VMWhereabouts.Absent));
        Assert.Equal(MigrationVerdict.Stayed, Failed(VMWhereabouts.Running, VMWhereabouts.Unknown)); // the target is dead
        // Cut off: it keeps the copy for a while.
        Assert.Equal(MigrationVerdict.Stayed, Failed(VMWhereabouts.Running, VMWhereabouts.MigrationPaused));
        Assert.Equal(MigrationVerdict.Stayed, Failed(VMWhereabouts.Off, VMWhereabouts.Absent)); // the guest shut itself down
    }

    [Fact]
    public void A_migration_whose_answer_was_lost_is_judged_by_both_ends()
    {
        Assert.Equal(MigrationVerdict.Stayed, Lost(VMWhereabouts.Running, VMWhereabouts.Absent));
        Assert.Equal(MigrationVerdict.Moved, Lost(VMWhereabouts.Absent, VMWhereabouts.Running));
        Assert.Equal(MigrationVerdict.Undecided, Lost(VMWhereabouts.Running, VMWhereabouts.MigrationPaused)); // peer-to-peer goes on
        Assert.Equal(MigrationVerdict.Undecided, Lost(VMWhereabouts.Running, VMWhereabouts.Absent, hasJob: true));
        Assert.Equal(MigrationVerdict.Undecided, Lost(VMWhereabouts.Running, VMWhereabouts.Unknown));
        Assert.Equal(MigrationVerdict.Undecided, Lost(VMWhereabouts.Unknown, VMWhereabouts.Running)); // it may run there as well
    }

    [Fact]
    public void A_VM_that_runs_on_both_ends_is_always_an_alarm() =>
        Assert.All(
            Everything.Where(static facts => facts is { Source: VMWhereabouts.Running, Target: VMWhereabouts.Running }),
            static facts => Assert.Equal(MigrationVerdict.RunsTwice, facts.Judge()));

    [Fact]
    public void A_VM_is_never_said_to_be_where_it_is_not_known_to_be()
    {
        foreach (var facts in Everything)
        {
            switch (facts.Judge())
            {
                case MigrationVerdict.Moved:
                    Assert.False(
                        facts.Target is VMWhereabouts.Unknown or VMWhereabouts.Absent or VMWhereabouts.MigrationPaused, facts.ToString());
                    Assert.True(facts.IsDone || facts.Source is VMWhereabouts.Off or VMWhereabouts.Absent, facts.ToString());
                    break;
                case MigrationVerdict.Stayed:
                    Assert.False(facts.IsDone, facts.ToString());
                    Assert.False(facts.Source is VMWhereabouts.Unknown or VMWhereabouts.MigrationPaused, facts.ToString());
                    Assert.NotEqual(VMWhereabouts.Running, facts.Target);
                    break;
                case MigrationVerdict.MovedWithRemains:
                    Assert.True(facts.Target is VMWhereabouts.Running or VMWhereabouts.Paused, facts.ToString());
                    Assert.NotEqual(VMWhereabouts.Running, facts.Target == VMWhereabouts.Running ? facts.Source : VMWhereabouts.Absent);
                    break;
            }
        }
    }

    [Fact]
    public void A_migration_is_stalled_when_no_byte_moved_for_the_timeout()
    {
        var time = new ManualTime();
        var stall = new StallDetector(TimeSpan.FromSeconds(10), time);

        time.Advance(TimeSpan.FromSeconds(9));
        stall.Note(new MigrationProgress(100, 10, 90, TimeSpan.FromSeconds(9)));
        time.Advance(TimeSpan.FromSeconds(9));
        Assert.False(stall.IsStalled);
        stall.Note(new MigrationProgress(100, 10, 90, TimeSpan.FromSeconds(18))); // only its clock moves
        time.Advance(TimeSpan.FromSeconds(1));

        Assert.True(stall.IsStalled);
    }

    [Theory]
    [InlineData(1)] // nothing is left in each reading
    [InlineData(3)] // the guest writes, and something of it is left in each third one
    public void A_migration_that_goes_round_and_round_with_nothing_left_does_not_come_to_its_end_whatever_flows(int each)
    {
        var time = new ManualTime();
        var stall = new StallDetector(TimeSpan.FromSeconds(10), time);

        for (var reading = 0; reading < 100; reading++)
        {
            Assert.False(stall.IsIdling, $"reading {reading}");
            long left = each > 1 && reading % each == each - 1 ? 4096 : 0;
            stall.Note(new MigrationProgress(5000, 1000 + (reading * 150_000), left, TimeSpan.FromSeconds(reading / 10.0))
            {
                Rounds = 5
                + (reading * 400)
            });
            time.Advance(TimeSpan.FromSeconds(0.1));
        }

        Assert.True(stall.IsIdling);
        Assert.False(stall.IsStalled); // bytes move all the time
    }

    [Fact]
    public void A_migration_that_does_not_converge_is_not_taken_for_one_that_waits()
    {
        var time = new ManualTime();
        var stall = new StallDetector(TimeSpan.FromSeconds(10), time);

        for (var reading = 0; reading <= 6000; reading++)
        {
            stall.Note(
                new MigrationProgress(5000, 1000 + (reading * 4000), (9 - (reading % 10)) * 500, TimeSpan.Zero) { Rounds = reading / 10 });
            time.Advance(TimeSpan.FromSeconds(0.1));
            Assert.False(stall.IsIdling, $"reading {reading}"); // although each tenth reading meets the end of a round
        }
    }

    [Fact]
    public void A_guest_that_waits_paused_for_a_target_that_still_loads_is_not_taken_for_one_whose_source_goes_round_and_round()
    {
        var time = new ManualTime();
        var stall = new StallDetector(TimeSpan.FromSeconds(10), time);

        for (var reading = 0; reading <= 200; reading++)
        {
            stall.Note(new MigrationProgress(5000, 5000 + reading, 0, TimeSpan.Zero) { Rounds = 4 });
            time.Advance(TimeSpan.FromSeconds(0.1));
        }

        Assert.False(stall.IsIdling);
    }

    [Fact]
    public void A_source_that_goes_round_and_round_did_not_hear_the_target()
    {
        var failure = Report().Failed(Outcome(78), MigrationStop.Idling, targetAnswers: true);

        Assert.Equal((HypervisorError.TimedOut, FaultDomain.Network, true), (failure.Error, failure.FaultDomain, failure.IsTransient));
        Assert.Contains(
            "had nothing left to send for 2.5 s, and kvm1 did not hear that kvm2 is ready", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, "no target said that it has the whole state", FaultDomain.Host)]
    [InlineData(true, "kvm1 did not hear that kvm3 has the whole state", FaultDomain.Network)]
    public void That_all_was_sent_and_nothing_came_of_it_is_of_the_targets_only_where_none_has_it(
        bool hasAll, string reason, FaultDomain domain) =>
        AssertNotSent(MigrationStop.NobodyAnswers, hasAll, reason, domain);

    [Fact]
    public void A_source_that_is_deaf_did_not_hear_and_the_targets_are_not_blamed()
    {
        AssertNotSent(MigrationStop.SourceDeaf, false, "kvm1 did not hear what kvm2 and kvm3 reported, for 2.5 s. The VM runs on kvm1",
            FaultDomain.Network);
        AssertNotSent(MigrationStop.Idling, false,
            "nothing was left to send for 2.5 s, and kvm1 did not hear that kvm2 and kvm3 can take over", FaultDomain.Network);
    }

    [Theory]
    [InlineData(false, true, 1 | 8 | 16 | 256)] // LIVE, PERSIST_DEST, UNDEFINE_SOURCE, CHANGE_PROTECTION
    [InlineData(false, false, 1 | 256)]
    [InlineData(true, true, 1 | 2 | 8 | 16 | 256)] // and PEER2PEER
    public void A_persistent_VM_moves_with_its_definition(bool peerToPeer, bool isPersistent, uint expected) =>
        Assert.Equal(expected, MigrationCall.Flags(new MigrationOptions { PeerToPeer = peerToPeer }, isPersistent));

    [Fact]
    public void The_unsafe_flag_is_the_admins_promise() =>
        Assert.Equal(512u, MigrationCall.Flags(new MigrationOptions { AllowUnsafe = true }, isPersistent: false) & 512u);

    [Fact]
    public void A_call_is_either_issued_or_withdrawn()
    {
        var call = new MigrationCall(Guid.NewGuid(), peerUri: null, flags: 0, new MigrationOptions(), definitions: null);

        Assert.True(call.TryWithdraw());
        Assert.True(call.TryWithdraw());
    }

    [Theory]
    [InlineData(81, true, HypervisorError.InvalidState, FaultDomain.VM, false)]
    [InlineData(55, true, HypervisorError.InvalidState, FaultDomain.VM, false)]
    [InlineData(91, true, HypervisorError.NotSupported, FaultDomain.Host, false)]
    [InlineData(67, true, HypervisorError.InvalidSpecification, FaultDomain.Host, false)] // only the target does not accept it
    [InlineData(1, true, HypervisorError.Other, FaultDomain.Host, false)] // the target's QEMU died
    [InlineData(9, true, HypervisorError.Other, FaultDomain.Host, false)]
    [InlineData(1, false, HypervisorError.ConnectionFailed, FaultDomain.Host, true)] // the target host died
    [InlineData(78, true, HypervisorError.Aborted, FaultDomain.Unknown, false)] // by somebody else
    public void A_failure_is_of_the_VM_or_of_the_target(
        int code, bool targetAnswers, HypervisorError error, FaultDomain domain, bool isTransient)
    {
        var failure = Report().Failed(Outcome(code), MigrationStop.None, targetAnswers);

        Assert.Equal(error, failure.Error);
        Assert.Equal(domain, failure.FaultDomain);
        Assert.Equal(isTransient, failure.IsTransient);
        Assert.False(failure.OutcomeUnknown);
        Assert.Equal(code, failure.NativeCode);
    }

    [Theory]
    [InlineData(true, FaultDomain.Network)]
    [InlineData(false, FaultDomain.Host)]
    public void A_stalled_migration_says_so(bool targetAnswers, FaultDomain domain)
    {
        var failure = Report().Failed(Outcome(78), MigrationStop.Stalled, targetAnswers);

        Assert.Equal(HypervisorError.TimedOut, failure.Error);
        Assert.Equal(domain, failure.FaultDomain);
        Assert.True(failure.IsTransient);
        Assert.Contains("moved no byte for 2.5 s", failure.Message, StringComparison.Ordinal);
        Assert.Contains("still on kvm1", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_alarm_is_no_unknown_outcome()
    {
        var alarm = Report().RunsTwice();

        Assert.False(alarm.OutcomeUnknown);
        Assert.StartsWith("ALARM", alarm.Message, StringComparison.Ordinal);
        Assert.NotNull(alarm.RecommendedAction);
    }

    private static MigrationVerdict Done(VMWhereabouts source, VMWhereabouts target) =>
        new MigrationFacts(true, false, false, false, source, target).Judge();

    private static MigrationVerdict Failed(VMWhereabouts source, VMWhereabouts target) =>
        new MigrationFacts(false, false, false, false, source, target).Judge();

    private static MigrationVerdict Lost(VMWhereabouts source, VMWhereabouts target, bool hasJob = false) =>
        new MigrationFacts(false, true, hasJob, false, source, target).Judge();

    private static void AssertNotSent(MigrationStop stop, bool hasOneAll, string reason, FaultDomain domain)
    {
        var plan = new MigrationPlan(
            new SpeculationMark(OperationId.New(), false, "kvm1", ["kvm2", "kvm3"], ""),
            new MigrationOptions { StallTimeout = TimeSpan.FromSeconds(2.5) });
        var offer = new MigrationOffer()
        {
            Plan = plan,
            Id = Guid.NewGuid(),
            Name = "web",
            IsPersistent = true,
            IsPaused = false,
            Definition = "",
            Cookie = []
        };
        ReplicaProgress[] targets = [new("kvm2", 10, false, null), new("kvm3", 10, hasOneAll, null)];
        var outcome = new PhaseOutcome(new LibvirtFailure((LibvirtCode)78, LibvirtOrigin.Qemu, 0, "operation aborted"), null, []);

        var failure = new PerformReport(offer, "kvm1", targets).Failed(stop, outcome, null, null, VMWhereabouts.Running);

        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
        Assert.Equal((HypervisorError.TimedOut, domain, true, false),
            (failure.Error, failure.FaultDomain, failure.IsTransient, failure.OutcomeUnknown));
    }

    private static MigrationReport Report() =>
        new("web", "kvm1", "kvm2", new MigrationOptions { StallTimeout = TimeSpan.FromSeconds(2.5) });

    private static MigrationOutcome Outcome(int code) =>
        new(new LibvirtFailure((LibvirtCode)code, LibvirtOrigin.Qemu, 0, "it did not work"), null, null);

    private sealed class ManualTime : TimeProvider
    {
        private long _now;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _now;

        public void Advance(TimeSpan span) => _now += span.Ticks;
    }
}
