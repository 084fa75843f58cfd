namespace Kumoi.PolicySimulation.Modes;

/// <summary>What a rule for the mode of a pair came to with a simulated guest.</summary>
public sealed record ModeResult
{
    public required ModeWorkload Workload { get; init; }

    /// <summary>The name of the rule.</summary>
    public required string Policy { get; init; }

    /// <summary>It chooses between the modes: it is no fixed one.</summary>
    public required bool IsHybrid { get; init; }

    /// <summary>The share of the time in which the guest stood still for checkpoints, 0 to 1.</summary>
    public required KumoiFigure DowntimeRatio { get; init; }

    /// <summary>The fixed mode with the smaller mean of that in this workload.</summary>
    public required string BetterFixed { get; init; }

    /// <summary>How much more than with that mode the guest stood still, run by run; below 0: less.</summary>
    public required KumoiFigure DowntimeDifference { get; init; }

    /// <summary>How long output was held, on average, in milliseconds.</summary>
    public required KumoiFigure LatencyMs { get; init; }

    /// <summary>How long 99 of 100 outputs were held at most.</summary>
    public required KumoiFigure LatencyP99Ms { get; init; }

    /// <summary>CPU of both hosts, against what the VM alone takes in the same time.</summary>
    public required KumoiFigure CpuRatio { get; init; }

    /// <summary>What went from one host to the other, both ways.</summary>
    public required KumoiFigure NetworkBytesPerSec { get; init; }

    /// <summary>The share of the time in COLO, 0 to 1.</summary>
    public required KumoiFigure ColoShare { get; init; }

    public required KumoiFigure ChangesPerHour { get; init; }

    /// <summary>
    /// Whether the guest did not stand still for a larger share of the time than with the better fixed mode: whether that mode's mean is
    /// within this one's interval, or above it.
    /// </summary>
    public bool IsNotWorse => DowntimeDifference.Mean <= DowntimeRatio.HalfWidth;

    /// <summary>The same more strictly: run by run the difference is not certainly above 0.</summary>
    public bool IsNotWorseInEachRun => DowntimeDifference.Low <= 0;

    /// <summary>Whether it stood still for a smaller share of the time for certain, run by run.</summary>
    public bool IsBetter => DowntimeDifference.High < 0;
}
