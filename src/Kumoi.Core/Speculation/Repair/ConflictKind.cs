namespace Kumoi;

/// <summary>What is wrong between VMs, hosts and operations.</summary>
public enum ConflictKind
{
    /// <summary>A host, or something of it, could not be read: of it nothing is known, and nothing may be assumed.</summary>
    NotRead = 0,

    /// <summary>One VM runs on several hosts.</summary>
    RunsTwice,

    /// <summary>Several running VMs use one disk image, and one of them writes to it.</summary>
    SharedDisk,

    /// <summary>A VM is paused by a migration that nobody works on.</summary>
    AbandonedMigration,

    /// <summary>A VM carries the mark of an operation that nobody works on.</summary>
    LeftMark,
}
