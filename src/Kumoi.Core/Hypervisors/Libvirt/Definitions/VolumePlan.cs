namespace Kumoi.Hypervisors.Libvirt.Definitions;

/// <summary>A volume that is to be made for a new VM.</summary>
/// <param name="Pool">Name of the storage pool.</param>
/// <param name="Name">Name of the volume in its pool.</param>
/// <param name="Path">Where it will be, on the host.</param>
/// <param name="Format"><c>raw</c> or <c>qcow2</c>.</param>
/// <param name="CapacityBytes">What the guest sees.</param>
internal sealed record VolumePlan(string Pool, string Name, string Path, string Format, long CapacityBytes)
{
    /// <summary>How much of the capacity takes up space at once.</summary>
    public long AllocationBytes { get; init; }

    /// <summary>Path of the volume that this one becomes a full copy of; null: it will be empty.</summary>
    public string? CopyOf { get; init; }

    /// <summary>The capacity that a full copy gets at the end, more than the original's; null: the original's.</summary>
    public long? GrowsTo { get; init; }

    /// <summary>What it is to hold; null: nothing, or what is said elsewhere. It is the VM's alone, and goes with it.</summary>
    public byte[]? Content { get; init; }

    /// <summary>The image that this one is an overlay of, which has its capacity; null: it is no overlay.</summary>
    public string? Template { get; init; }

    public string TemplateFormat { get; init; } = "raw";
}
