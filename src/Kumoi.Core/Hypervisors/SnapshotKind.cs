namespace Kumoi.Hypervisors;

/// <summary>Where a VM snapshot is kept.</summary>
public enum SnapshotKind
{
    /// <summary>Not known.</summary>
    Unknown = 0,

    /// <summary>Within the VM's own disk images.</summary>
    Internal,

    /// <summary>In files of its own: the images stay as they were, and new ones on top of them take what the VM writes.</summary>
    External,
}
