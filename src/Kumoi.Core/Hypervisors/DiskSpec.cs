namespace Kumoi.Hypervisors;

/// <summary>
/// A disk of a new VM: an existing image (<see cref="Path"/>), a new volume of <see cref="NewVolumeBytes"/> in <see cref="StoragePool"/>,
/// or a new volume there that is an overlay of <see cref="TemplatePath"/>.
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

    public string StoragePool { get; init; } = "default";

    /// <summary>
    /// <c>qcow2</c> or <c>raw</c>, of the template too; null: by the file's ending (<c>.qcow2</c>; anything else is raw).
    /// </summary>
    public string? Format { get; init; }

    public bool ReadOnly { get; init; }

    /// <summary>A floppy image: read only, small, and safe to share between hosts.</summary>
    public bool Floppy { get; init; }
}
