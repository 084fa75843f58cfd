using Kumoi.Hypervisors;

namespace Kumoi.Exports;

/// <summary>What an OVF says of its VM, as far as it is understood.</summary>
internal sealed record OvfMachine
{
    /// <summary>Null: it has none.</summary>
    public string? Name { get; init; }

    public int CpuCount { get; init; } = 1;

    public required long MemoryBytes { get; init; }

    /// <summary>Auto: the OVF does not say.</summary>
    public FirmwareKind Firmware { get; init; }

    /// <summary>Null: it is not known.</summary>
    public bool? IsWindows { get; init; }

    public required IReadOnlyList<Disk> Disks { get; init; }

    /// <summary>The names of the networks that its cards are in, in their order.</summary>
    public required IReadOnlyList<string> Networks { get; init; }

    /// <summary>A sentence for all that is not as the OVF says.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>A disk.</summary>
    /// <param name="Id">The OVF's own name of it.</param>
    /// <param name="File">Its file; null: it is empty.</param>
    /// <param name="FileBytes">How long that is, if the OVF says it.</param>
    /// <param name="CapacityBytes">What the guest sees.</param>
    /// <param name="Format">A URI, or empty.</param>
    public sealed record Disk(string Id, string? File, long? FileBytes, long CapacityBytes, string Format);
}
