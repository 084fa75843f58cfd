namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// What a VM that is to be migrated from here needs of its target, and what of it stands in the way of any migration. Changes nothing.
/// Never masked: a made-up answer would say that all is well.
/// </summary>
public sealed record ReadMigrationNeeds(Guid Id, MigrationOptions Options) : HostCall<MigrationNeeds>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override Guid? VMId => Id;
}
