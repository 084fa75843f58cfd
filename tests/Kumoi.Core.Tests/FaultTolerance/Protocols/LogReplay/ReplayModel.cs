using Kumoi.FaultTolerance.Protocols;
using Kumoi.FaultTolerance.Protocols.LogReplay;

namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>What is explored: a rule, to a depth. Each property of the second part breaks something.</summary>
internal sealed record ReplayModel
{
    public OutputRule Rule { get; init; } = OutputRule.Kumoi;

    public int MaxFaults { get; init; } = 1;

    /// <summary>How many outputs the VM makes in all; those that it makes anew after a failover are not counted twice.</summary>
    public int MaxOutputs { get; init; } = 2;

    /// <summary>How often the VM is given something on the primary's host; once more where it goes live.</summary>
    public int MaxEvents { get; init; } = 1;

    /// <summary>How many outputs the primary holds before its guest has to wait.</summary>
    public int MaxHeld { get; init; } = 2;

    /// <summary>How far it is explored, in words.</summary>
    public string Extent => $"{Count(MaxFaults, "fault")}, {Count(MaxOutputs, "output")}, {Count(MaxEvents, "event")}, {MaxHeld} held";

    /// <summary>
    /// The only moment at which something fails, and what is in the channel is lost with it; null: anything may fail at any moment, and
    /// what is in the channel may arrive or not.
    /// </summary>
    public CrashPoint? CrashPoint { get; init; }

    /// <summary>The outside knows the ids of outputs, and drops what it has.</summary>
    public bool OutsideDropsKnown { get; init; }

    /// <summary>Nothing may be repeated, although it cannot be avoided: to find how it comes about.</summary>
    public bool ForbidsRepeats { get; init; }

    /// <summary>The channel delivers, loses and repeats messages in any order while it stands.</summary>
    public bool MixesMessages { get; init; }

    public Func<PairRecord, PairEvent, PairRecord> Apply { get; init; } = PairRules.Apply;

    public Func<ReplayBackup, LogMessage, ReplayBackup> Receive { get; init; } = static (side, message) => side.Receive(message);

    public Func<ReplayBackup, ReplayBackup> Drain { get; init; } = static side => side.Drain();

    /// <summary>What was sent counts as acknowledged.</summary>
    public bool TakesSentForAcknowledged { get; init; }

    /// <summary>The backup acknowledges a message before it is in the log.</summary>
    public bool AcknowledgesUnwritten { get; init; }

    /// <summary>The id of an output is not written down when it is performed while the log is drained.</summary>
    public bool ForgetsPerformed { get; init; }

    /// <summary>A host that does not answer is taken for one that does not run the VM.</summary>
    public bool TakesSilenceForFenced { get; init; }

    /// <summary>The primary goes on alone while the backup is still being fenced.</summary>
    public bool GoesAloneWhileRevoking { get; init; }

    /// <summary>The outside gets an output.</summary>
    public ReplayWorld See(ReplayWorld world, long id, string state) =>
        OutsideDropsKnown && id <= world.LastSeen ? world : world with { Seen = world.Seen.Add((id, state)) };

    private static string Count(int count, string what) => $"{count} {what}{(count == 1 ? "" : "s")}";
}
