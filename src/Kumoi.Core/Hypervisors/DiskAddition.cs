namespace Kumoi.Hypervisors;

/// <summary>
/// A disk for a VM that is there: an existing image (<see cref="Path"/>), or a new volume of <see cref="NewVolumeBytes"/>.
/// </summary>
public sealed record DiskAddition
{
    /// <summary>Path of an existing image on the host; null for a new volume.</summary>
    public string? Path { get; init; }

    /// <summary>Capacity of the new volume; null for an existing image.</summary>
    public long? NewVolumeBytes { get; init; }

    /// <summary>Name of the new volume; null: <c>&lt;vm&gt;-&lt;n&gt;</c>, the first that is free.</summary>
    public string? VolumeName { get; init; }

    public string StoragePool { get; init; } = "default";

    /// <summary><c>qcow2</c> or <c>raw</c>; null: by the file's ending (<c>.qcow2</c>; anything else is raw); a new one is qcow2.</summary>
    public string? Format { get; init; }

    public DiskBus Bus { get; init; }

    public bool IsReadOnly { get; init; }
}
