using System.Xml.Linq;

namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>A snapshot of a simulated VM: what it was then.</summary>
internal sealed record SimulatedSnapshot
{
    /// <summary>As it is told, but for whether it is the current one.</summary>
    public required SnapshotReading Reading { get; init; }

    public required int CpuCount { get; init; }

    public required long MemoryBytes { get; init; }

    public required XElement? Definition { get; init; }

    /// <summary>The run of the guest that its memory is from.</summary>
    public required long Run { get; init; }
}
