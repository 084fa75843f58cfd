namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>Where the VM is after a migration call, whatever the call said.</summary>
internal enum MigrationVerdict
{
    /// <summary>It cannot be told (yet).</summary>
    Undecided = 0,

    /// <summary>On the target.</summary>
    Moved,

    /// <summary>On the source, as before.</summary>
    Stayed,

    /// <summary>On the target, and the source keeps a paused copy, which must not be resumed.</summary>
    MovedWithRemains,

    /// <summary>On both: the one thing that must not happen.</summary>
    RunsTwice,
}
