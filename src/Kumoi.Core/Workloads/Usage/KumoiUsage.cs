namespace Kumoi;

/// <summary>What one VM used in one interval.</summary>
public sealed record KumoiUsage
{
    public required string VM { get; init; }

    public required Guid VMId { get; init; }

    /// <summary>The host that the VM was on at the end of the interval.</summary>
    public required string VMHost { get; init; }

    public required DateTimeOffset From { get; init; }

    public required DateTimeOffset To { get; init; }

    public double IntervalSec => (To - From).TotalSeconds;

    /// <summary>The memory that the VM had at the end of the interval.</summary>
    public required long MemoryBytes { get; init; }

    public required double CpuSec { get; init; }

    public required long DiskReadBytes { get; init; }

    public required long DiskWrittenBytes { get; init; }

    public required long NetworkReceivedBytes { get; init; }

    public required long NetworkSentBytes { get; init; }
}
