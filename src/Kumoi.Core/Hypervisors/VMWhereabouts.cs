namespace Kumoi.Hypervisors;

/// <summary>What a host has of a VM.</summary>
public enum VMWhereabouts
{
    /// <summary>The host could not be asked.</summary>
    Unknown = 0,

    /// <summary>The host has no such VM.</summary>
    Absent,

    /// <summary>Defined, but not running.</summary>
    Off,

    /// <summary>Paused by somebody.</summary>
    Paused,

    /// <summary>Paused by the migration: its incoming copy, or the source's after the switch.</summary>
    MigrationPaused,

    /// <summary>It does not run any more, and is about to be off or absent.</summary>
    Stopping,
    Running,
}
