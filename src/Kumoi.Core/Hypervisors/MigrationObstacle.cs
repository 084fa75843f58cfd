namespace Kumoi.Hypervisors;

/// <summary>What stands in the way of a live migration, found before it was begun.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Message">A sentence for the admin, without secrets.</param>
/// <param name="RecommendedAction">What the admin can do about it.</param>
/// <param name="IsFatal">
/// The migration would fail, or break the VM. False: a warning of what cannot be known from here, or goes well as a rule.
/// </param>
public sealed record MigrationObstacle(MigrationObstacleKind Kind, string Message, string RecommendedAction, bool IsFatal = true)
{
    public override string ToString() => Message;

    /// <summary>The failure of a migration that this stands in the way of.</summary>
    /// <param name="faultDomain">VM, if no target could take it; else what of the target stands in the way.</param>
    internal HypervisorException ToException(FaultDomain faultDomain) => new(
        Message,
        faultDomain,
        error: Kind switch
        {
            MigrationObstacleKind.Maintenance => HypervisorError.InMaintenance,
            MigrationObstacleKind.VMExists => HypervisorError.VMExists,
            MigrationObstacleKind.Memory or MigrationObstacleKind.Network => HypervisorError.ResourceUnavailable,
            MigrationObstacleKind.Storage => HypervisorError.StorageFailed,
            MigrationObstacleKind.CpuModel or MigrationObstacleKind.Machine or MigrationObstacleKind.Hypervisor =>
                HypervisorError.NotSupported,
            _ => HypervisorError.InvalidState,
        },
        recommendedAction: RecommendedAction);
}
