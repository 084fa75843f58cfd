namespace Kumoi.Hypervisors;

/// <summary>One disk or drive of a VM.</summary>
public sealed record DiskReading
{
    /// <summary>Its name in the VM, such as <c>vda</c>; the guest may call it otherwise.</summary>
    public required string Target { get; init; }

    public DiskDevice Device { get; init; }

    /// <summary>How it is connected: <c>virtio</c>, <c>scsi</c>, <c>sata</c>, <c>ide</c>, <c>usb</c>, <c>fdc</c>.</summary>
    public string Bus { get; init; } = "";

    /// <summary>Its image, by the host's path; null: the drive is empty, or the disk is no file and no block device.</summary>
    public string? Path { get; init; }

    /// <summary>What it is, where it has no path, without secrets; null: the drive is empty.</summary>
    public string? Source { get; init; }

    /// <summary>Of the image: <c>qcow2</c>, <c>raw</c>; empty: not known.</summary>
    public string Format { get; init; } = "";

    public bool IsReadOnly { get; init; }

    /// <summary>Several VMs may write to it at the same time.</summary>
    public bool IsShareable { get; init; }

    public DiskCache Cache { get; init; }

    public DiskIo Io { get; init; }

    public DiskDiscard Discard { get; init; }

    /// <summary>How much the VM may read and write each second.</summary>
    public DiskLimits Limits { get; init; } = new();

    /// <summary>What the guest sees; null: the host does not tell.</summary>
    public long? CapacityBytes { get; init; }

    /// <summary>What it takes up on the host; null: the host does not tell.</summary>
    public long? AllocatedBytes { get; init; }
}
