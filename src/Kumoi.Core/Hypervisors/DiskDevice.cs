namespace Kumoi.Hypervisors;

/// <summary>What a disk is to the guest.</summary>
public enum DiskDevice
{
    /// <summary>Not known.</summary>
    Unknown = 0,
    Disk,
    CdDrive,
    Floppy,

    /// <summary>A SCSI device of the host, passed through.</summary>
    Lun,
}
