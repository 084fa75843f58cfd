using Kumoi.FaultTolerance.Protocols;

namespace Kumoi;

/// <summary>A VM with a second host that goes on with it, as it was when it was asked for.</summary>
public sealed record KumoiFtPair
{
    /// <summary>The VM's name.</summary>
    public required string VM { get; init; }

    public required Guid VMId { get; init; }

    /// <summary>Tells it from the VM's pairs before and after it.</summary>
    public required Guid Id { get; init; }

    public required PairPhase State { get; init; }

    /// <summary>The host that serves; until a backup has taken over it is the old one.</summary>
    public required string Primary { get; init; }

    /// <summary>The host that takes over; null: none is chosen.</summary>
    public string? Backup { get; init; }

    /// <summary>All hosts that may serve, in the order of preference.</summary>
    public required IReadOnlyList<string> VMHosts { get; init; }

    /// <summary>How the backup follows.</summary>
    public string Mode { get; init; } = "Checkpoint";

    /// <summary>From when on it was in which mode, and why: the last changes, the oldest first. Empty: it has one mode only.</summary>
    public IReadOnlyList<KumoiFtModeChange> ModeHistory { get; init; } = [];

    /// <summary>Where its last checkpoints are recorded, for Measure-KumoiPolicy. Null: nowhere.</summary>
    public string? CheckpointFile { get; init; }

    /// <summary>Where its recordings are kept, for Restore-KumoiVM. Null: nowhere.</summary>
    public string? RecordingPath { get; init; }

    /// <summary>What makes the checkpoints.</summary>
    public string Engine { get; init; } = "";

    /// <summary>Why that engine; null: it was asked for.</summary>
    public string? EngineReason { get; init; }

    /// <summary>Who keeps it: <c>Session</c>, <c>Agent</c>, or <c>Nobody</c>, and then nobody takes over either.</summary>
    public string KeptBy { get; init; } = "";

    /// <summary>Null: not known.</summary>
    public required DateTimeOffset? StartedAt { get; init; }

    /// <summary>How often a backup has taken over since whoever keeps it has it.</summary>
    public int FailoverCount { get; init; }

    /// <summary>The number of the last checkpoint that was committed.</summary>
    public int CheckpointCount { get; init; }

    /// <summary>How old the last committed checkpoint was, in milliseconds; NaN: there is none.</summary>
    public double LagMs { get; init; } = double.NaN;

    /// <summary>Of the last minute at most; NaN where nothing was measured yet, here and below.</summary>
    public double CheckpointsPerSecond { get; init; } = double.NaN;

    /// <summary>The time from one checkpoint's commit to the beginning of the next, in milliseconds.</summary>
    public double PeriodMs { get; init; } = double.NaN;

    /// <summary>How long the guest stood still for a checkpoint, in milliseconds.</summary>
    public double PauseP50Ms { get; init; } = double.NaN;

    public double PauseP99Ms { get; init; } = double.NaN;

    /// <summary>The share of time in which the guest stood still, 0 to 1.</summary>
    public double DowntimeRatio { get; init; } = double.NaN;

    /// <summary>How long output was held at most, from one commit to the next, in milliseconds.</summary>
    public double OutputLatencyP50Ms { get; init; } = double.NaN;

    public double OutputLatencyP99Ms { get; init; } = double.NaN;

    /// <summary>How much one checkpoint has brought to the backup, on average.</summary>
    public double BytesPerCheckpoint { get; init; } = double.NaN;

    /// <summary>Which of the wanted limits does not hold; null: all do.</summary>
    public string? MissedGoal { get; init; }

    /// <summary>Why it is in this state; null: as planned.</summary>
    public string? Reason { get; init; }

    internal bool IsOpen => State is not (PairPhase.Stopped or PairPhase.Lost);

    public override string ToString() => $"{VM}: {State}";
}
