namespace Kumoi;

/// <summary>What a mode of protection, or a rule for it, would come to with a VM whose checkpoints were recorded.</summary>
public sealed record KumoiModeResult
{
    /// <summary>The name of the mode or the rule.</summary>
    public required string Policy { get; init; }

    /// <summary>The share of the time in which the guest stands still for checkpoints, 0 to 1.</summary>
    public required KumoiFigure DowntimeRatio { get; init; }

    /// <summary>How long output that comes evenly is held, on average, in milliseconds.</summary>
    public required KumoiFigure LatencyMs { get; init; }

    /// <summary>How long 99 of 100 outputs are held at most, in milliseconds.</summary>
    public required KumoiFigure LatencyP99Ms { get; init; }

    /// <summary>What checkpoints bring to the backup.</summary>
    public required KumoiFigure CheckpointBytesPerSec { get; init; }

    /// <summary>The share of the time in COLO, 0 to 1.</summary>
    public required KumoiFigure ColoShare { get; init; }

    public required KumoiFigure ChangesPerHour { get; init; }
}
