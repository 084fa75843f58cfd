namespace Kumoi.FaultTolerance.Engines;

/// <summary>How checkpoints are made.</summary>
public enum CheckpointEngine
{
    /// <summary>By libvirt's live memory snapshots, in files on storage that all hosts have.</summary>
    LibvirtSnapshot = 0,

    /// <summary>By live migrations into paused standbys on the backup host, whose memory has them.</summary>
    Migrate,
}
