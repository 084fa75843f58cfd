namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// What stands in the way of a migration to this host. Changes nothing. Never masked, as <see cref="ReadMigrationNeeds"/>.
/// </summary>
/// <param name="Needs">What the source, a link of the same driver, has told.</param>
public sealed record CheckMigrationTarget(MigrationNeeds Needs) : HostCall<IReadOnlyList<MigrationObstacle>>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override string? VMName => Needs.VM.Name;
}
