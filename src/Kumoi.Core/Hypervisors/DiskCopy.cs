namespace Kumoi.Hypervisors;

/// <summary>A disk that is copied to another host while its VM moves there: from where, and to where.</summary>
/// <param name="Target">Its name in the VM, such as <c>vda</c>.</param>
/// <param name="Path">Its image on the source.</param>
/// <param name="TargetPath">Its image on the target: a volume that was made for it, as big as the disk.</param>
/// <param name="Format"><c>qcow2</c> or <c>raw</c>: of both.</param>
/// <param name="CapacityBytes">What the guest sees.</param>
public sealed record DiskCopy(string Target, string Path, string TargetPath, string Format, long CapacityBytes)
{
    /// <summary>The target's storage pool.</summary>
    public required string Pool { get; init; }

    /// <summary>The volume's name there.</summary>
    public required string VolumeName { get; init; }
}
