namespace Kumoi.Hypervisors;

/// <summary>
/// What a VM that is to be migrated needs of its target, as its source tells, and what of the VM itself stands in the way.
/// </summary>
public sealed record MigrationNeeds
{
    public required VMReading VM { get; init; }

    /// <summary>How many of the VM the target is to have at a time.</summary>
    public int Copies { get; init; } = 1;

    /// <summary>The VM's live definition (domain XML), without secrets.</summary>
    public required string Definition { get; init; }

    /// <summary>As in <see cref="HostReading.HypervisorType"/>.</summary>
    public required string HypervisorType { get; init; }

    /// <summary>Tells the source from all other hosts, whatever they are called in the session.</summary>
    public required string HostId { get; init; }

    /// <summary>Null where the hypervisor does not tell.</summary>
    public Version? HypervisorVersion { get; init; }

    /// <summary>Of what manages the hypervisor: libvirt. Null where there is none.</summary>
    public Version? ManagerVersion { get; init; }

    /// <summary>The source's CPU, as the driver compares it with others; null: not known.</summary>
    public string? HostCpu { get; init; }

    /// <summary>Disks that are copied with the VM: their images need not be at the target.</summary>
    public IReadOnlyList<DiskReading> CopiedDisks { get; init; } = [];

    /// <summary>What stands in the way of a migration to any host.</summary>
    public required IReadOnlyList<MigrationObstacle> Obstacles { get; init; }
}
