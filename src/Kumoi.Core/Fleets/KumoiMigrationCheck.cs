using Kumoi.Hypervisors;

namespace Kumoi;

/// <summary>Whether a VM could be migrated to a host, as it was when both were asked.</summary>
public sealed record KumoiMigrationCheck
{
    public required KumoiVM VM { get; init; }

    /// <summary>The host that the VM is on.</summary>
    public string VMHost => VM.VMHost;

    /// <summary>The name of the host that it would go to.</summary>
    public required string Destination { get; init; }

    /// <summary>Nothing is known that would make it fail.</summary>
    public bool CanMigrate => Obstacles.Count == 0;

    /// <summary>What would make it fail: of the VM first, then of the destination.</summary>
    public required IReadOnlyList<MigrationObstacle> Obstacles { get; init; }

    /// <summary>What cannot be known from here, or goes well as a rule.</summary>
    public required IReadOnlyList<MigrationObstacle> Warnings { get; init; }
}
