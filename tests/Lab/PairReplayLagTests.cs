using System.Diagnostics;
using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Engines.LogReplay;
using Kumoi.FaultTolerance.Pairs;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;
using Xunit;

namespace Kumoi.Tests.Lab;

/// <summary>How far a replica may be behind, with a guest that never rests.</summary>
public sealed class PairReplayLagTests : PairTest
{
    public PairReplayLagTests(RealLab lab)
        : base(lab) => Patience = TimeSpan.FromMinutes(5); // a slow machine makes a pair slow, and that is all that it may do

    /// <summary>
    /// The bound, and what the machine itself needs to see that it is passed, while all else on it is busy. The replica is not thrown away,
    /// and the guest waits for it.
    /// </summary>
    private static readonly TimeSpan Bound = ReplayLag.Longest + TimeSpan.FromSeconds(3);

    public static bool IsWanted => PairReplayTests.IsWanted;

    public static TheoryData<string> Generations => ["machine", "newer"];

    [Theory(Skip = "it takes a minute, and more on a busy machine; run it with KUMOI_LAB_REPLAY=1", SkipUnless = nameof(IsWanted))]
    [MemberData(nameof(Generations))]
    public async Task A_guest_that_never_rests_waits_for_a_replica_that_stands_still_and_everything_is_seen_once(string generation)
    {
        var hosts = Lab.Choose(2, host => host.Generation == generation);
        List<TimeSpan> lags = [];
        await using var controller = await ProtectAsync("restless", hosts, how: plan => plan with
        {
            Engine = CheckpointEngine.LogReplay,
            SeesProcesses = true,
            ReplayLagged = lags.Add,
        });
        List<string> failed = [];
        controller.Changed += (happened, _) =>
        {
            if (happened is PairEvent.CheckpointFailed { Reason: var reason })
            {
                failed.Add(reason);
            }
        };
        var running = await RunAsync(controller, hosts[0]);
        await ProtectedAgainAsync(controller, running, controller.Record!.LastNumber + 5);

        var record = controller.Record!;
        using (var replica = QemuOf(ReplicaOf(record)))
        {
            Freeze(replica);
            try
            {
                await Eventually.HoldsAsync(
                    async () => await WhereaboutsAsync(record.Primary, PairDomains.Of(Id, record.Standby)) is VMWhereabouts.Paused,
                    "the guest waits for its replica");
            }
            finally
            {
                Thaw(replica);
            }
        }

        await ServesAsync(record.Primary, PairDomains.Of(Id, record.Standby));
        await ProtectedAgainAsync(controller, running, controller.Record!.LastNumber + 3);
        Assert.Equal(record.Primary, controller.Record!.Primary);
        Assert.Empty(failed); // however busy the machine is

        var killed = Stopwatch.GetTimestamp();
        Kill(controller.Record);
        await Until(controller, running, static (happened, _) => happened is PairEvent.TookOver);
        Say($"kill to running {Stopwatch.GetElapsedTime(killed).TotalMilliseconds:0} ms");
        await ServesAsync(hosts[1], PairDomains.Of(Id, controller.Record.Standby));
        await StopAsync(controller, running);

        lags.Sort();
        Say(FormattableString.Invariant(
            $"{generation}: {Numbers().Count} numbers; lag p50 {lags[lags.Count / 2].TotalMilliseconds:0} ms, ")
            + FormattableString.Invariant($"most {lags[^1].TotalMilliseconds:0} ms"));
        Assert.All(lags, static lag => Assert.InRange(lag, TimeSpan.Zero, Bound));
    }

    /// <summary>It is neither the VM nor what takes over.</summary>
    private int ReplicaOf(PairRecord record) => Enumerable.Range(0, PairDomains.Standbys).Single(
        number => number != record.Standby && number != record.Checkpoint!.Standby && IsThere(number));

    private bool IsThere(int number)
    {
        try
        {
            QemuOf(number).Dispose();
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
