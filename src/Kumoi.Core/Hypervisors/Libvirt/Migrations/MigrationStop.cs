namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>Why this side ended a migration, or the sending of a VM.</summary>
internal enum MigrationStop
{
    None = 0,

    /// <summary>The caller cancelled.</summary>
    Cancelled,

    /// <summary>It moved no byte for too long.</summary>
    Stalled,

    /// <summary>It went round and round with nothing left to send.</summary>
    Idling,

    /// <summary>The connection to the target, which a client-driven migration needs to the end, was lost.</summary>
    TargetLost,

    /// <summary>All was sent, the guest is paused, and no target says that it has the whole state.</summary>
    NobodyAnswers,

    /// <summary>The source does not acknowledge what the targets tell it.</summary>
    SourceDeaf,

    /// <summary>Every target was given up.</summary>
    NoneLeft,
}
