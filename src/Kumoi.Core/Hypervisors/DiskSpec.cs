namespace Kumoi.Hypervisors;

/// <summary>
/// A disk of a new VM: an existing image (<see cref="Path"/>), or a new volume in <see cref="StoragePool"/>: of
/// <see cref="NewVolumeBytes"/>, an overlay of <see cref="TemplatePath"/>, a full copy of <see cref="CopyOf"/>, or with
/// <see cref="Content"/>. Images that are only read are paths, or names of volumes of that pool.
/// </summary>
public sealed record DiskSpec
{
    /// <summary>Path of an existing image on the host; null for a new volume.</summary>
    public string? Path { get; init; }

    /// <summary>Capacity of the new volume, named <c>&lt;vm&gt;-&lt;n&gt;</c>; null for an existing image.</summary>
    public long? NewVolumeBytes { get; init; }

    /// <summary>
    /// Path, on the host, of an image that is only read: what the VM writes goes into a new qcow2 volume, named as above. The image must
    /// not change as long as there are such volumes.
    /// </summary>
    public string? TemplatePath { get; init; }

    /// <summary>
    /// An image that the new volume, named as above, becomes a full copy of, in its format. It must be a volume of a pool.
    /// </summary>
    public string? CopyOf { get; init; }

    /// <summary>With <see cref="TemplatePath"/> or <see cref="CopyOf"/>: the new volume's capacity; null: the image's.</summary>
    public long? CapacityBytes { get; init; }

    /// <summary>What the new volume holds, at most a few MiB. It is the VM's alone, and is removed with it.</summary>
    public byte[]? Content { get; init; }

    public string StoragePool { get; init; } = "default";

    /// <summary>
    /// <c>qcow2</c> or <c>raw</c>, of the template too; null: by the file's ending (<c>.qcow2</c>; anything else is raw).
    /// </summary>
    public string? Format { get; init; }

    public bool ReadOnly { get; init; }

    /// <summary>A floppy image: read only, small, and safe to share between hosts.</summary>
    public bool Floppy { get; init; }

    /// <summary>A CD: read only. Only a whole machine (<see cref="VMSpec.Machine"/>) has a drive for it.</summary>
    public bool IsCd { get; init; }
}
