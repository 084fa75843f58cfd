namespace Kumoi.Fleets.Maintenance;

/// <summary>What an event of the kind Maintenance tells of.</summary>
internal enum MaintenanceStep
{
    /// <summary>Of a kind that this version does not know.</summary>
    Other = 0,

    /// <summary>The host takes no VMs from now on. A new stay in maintenance begins.</summary>
    Suspended,

    /// <summary>A VM is about to be moved away.</summary>
    Leaving,

    /// <summary>It was moved away.</summary>
    Left,

    /// <summary>It was brought back.</summary>
    Returned,

    /// <summary>The host takes VMs again.</summary>
    Resumed,
}
