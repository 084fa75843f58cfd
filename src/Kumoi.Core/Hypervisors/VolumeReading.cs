namespace Kumoi.Hypervisors;

/// <summary>A volume of a storage pool.</summary>
public sealed record VolumeReading
{
    public required string Pool { get; init; }

    /// <summary>Its name in the pool.</summary>
    public required string Name { get; init; }

    public string Path { get; init; } = "";

    /// <summary><c>qcow2</c>, <c>raw</c>, …; empty: not known.</summary>
    public string Format { get; init; } = "";

    /// <summary>What a guest would see.</summary>
    public long CapacityBytes { get; init; }

    /// <summary>What it takes up on the host.</summary>
    public long AllocatedBytes { get; init; }

    /// <summary>When it was last written to, as the host tells it: only to be compared. Null: it does not tell.</summary>
    public string? ModifiedAt { get; init; }

    /// <summary>The image that it is built on; null: it stands for itself.</summary>
    public string? BackingPath { get; init; }
}
