namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Begins a migration that the caller drives phase by phase, to one or to several targets. A VM that is in a migration, or in another
/// job, fails with <see cref="HypervisorError.InvalidState"/>. Nothing of a migration in phases is masked: that would lie about where the
/// VM runs. Nor are its calls journaled one by one: who drives them journals the steps of the whole.
/// </summary>
public sealed record BeginMigration(Guid Id, MigrationPlan Plan) : HostCall<IOutgoingMigration>
{
    public override CallKind Kind => CallKind.Write;

    public override string FaultOperation => Faults.FaultOperation.Migrate;

    public override Guid? VMId => Id;
}
