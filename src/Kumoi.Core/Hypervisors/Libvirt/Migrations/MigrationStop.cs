namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>Why this side ended a migration.</summary>
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
}
