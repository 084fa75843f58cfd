using Kumoi.Hypervisors;
using Kumoi.Speculation;
using Kumoi.Speculation.Migration;
using Xunit;

namespace Kumoi.Tests.Speculation.Migration;

/// <summary>What a replica that did not win says about its host.</summary>
public sealed class MigrationReplicaTests
{
    private static readonly ReplicaBudget Budget = new() { TimeLimit = TimeSpan.FromSeconds(5), ByteLimit = 100 };

    [Theory]
    [InlineData(50, 4.9, ReplicaEnding.Failed)]
    [InlineData(50, 5.0, ReplicaEnding.TooSlow)]
    [InlineData(101, 4.9, ReplicaEnding.Unknown)]
    public async Task One_that_was_dropped_has_failed_unless_a_limit_was_reached(long bytes, double afterSec, ReplicaEnding expected)
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1");
        var replica = Prepared(lab);
        replica.Observe(new ReplicaProgress("kvm01", bytes, false, "it is gone"), TimeSpan.FromSeconds(afterSec));
        // What is told later is not when it happened.
        replica.Observe(new ReplicaProgress("kvm01", bytes, false, "it is gone"), TimeSpan.FromSeconds(9));
        var outcome = replica.ToOutcome(expectedBytes: 200);
        Assert.Equal((expected, TimeSpan.FromSeconds(afterSec), bytes / 200.0), (outcome.Ending, outcome.Duration, outcome.Progress));
    }

    [Fact]
    public async Task One_that_was_overtaken_is_abandoned_and_one_of_a_transfer_that_ended_is_unknown()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1");
        var replica = Prepared(lab);
        replica.Observe(new ReplicaProgress("kvm01", 50, false, null), TimeSpan.FromSeconds(1));
        Assert.Equal(ReplicaEnding.Unknown, replica.ToOutcome(100).Ending);
        replica.IsOvertaken = true;
        Assert.Equal((ReplicaEnding.Abandoned, 0.5), (replica.ToOutcome(100).Ending, replica.ToOutcome(100).Progress));
    }

    [Fact]
    public async Task While_the_source_may_be_the_reason_a_drop_says_nothing()
    {
        await using var lab = await LabFleet.ConnectAsync("sim://lab?hosts=1");
        var replica = Prepared(lab);
        replica.Observe(new ReplicaProgress("kvm01", 50, false, "its connection broke"), TimeSpan.FromSeconds(1));
        replica.IsInDoubt = true;
        Assert.Equal(ReplicaEnding.Unknown, replica.ToOutcome(100).Ending);
    }

    private static MigrationReplica Prepared(LabFleet lab) => new(lab.Host("kvm01"), 1) { Incoming = new Incoming(), Budget = Budget };

    private sealed class Incoming : IIncomingMigration
    {
        public string HostName => "kvm01";

        public string VMName => "web";

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
