namespace Kumoi.PolicySimulation.Modes;

/// <summary>What one run of a simulated pair came to.</summary>
internal sealed record ModeFigures
{
    /// <summary>The share of the time in which the guest stood still, 0 to 1.</summary>
    public required double DowntimeRatio { get; init; }

    public required double LatencyMs { get; init; }

    public required double LatencyP99Ms { get; init; }

    /// <summary>CPU of both hosts, against what the VM alone takes in the same time.</summary>
    public required double CpuRatio { get; init; }

    public required double NetworkBytesPerSec { get; init; }

    /// <summary>The share of the time in COLO, 0 to 1.</summary>
    public required double ColoShare { get; init; }

    public required double ChangesPerHour { get; init; }

    public required int Checkpoints { get; init; }
}
