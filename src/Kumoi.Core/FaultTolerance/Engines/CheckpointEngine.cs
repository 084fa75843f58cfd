namespace Kumoi.FaultTolerance.Engines;

/// <summary>How checkpoints are made.</summary>
public enum CheckpointEngine
{
    /// <summary>By libvirt's live memory snapshots, in files on storage that all hosts have.</summary>
    LibvirtSnapshot = 0,

    /// <summary>By live migrations into paused standbys on the backup host, whose memory has them.</summary>
    Migrate,

    /// <summary>
    /// By the pages that have changed of a memory in a shared file, into a standby on the backup host. This computer must see those files
    /// of both hosts.
    /// </summary>
    SharedDelta,

    /// <summary>
    /// By QEMU's COLO, with a standby on the backup host that has every checkpoint and can run along between them.
    /// </summary>
    Colo,

    /// <summary>
    /// None are made: a replica on the backup host replays what QEMU records of the VM. This computer must see the files of both hosts.
    /// </summary>
    LogReplay,
}
