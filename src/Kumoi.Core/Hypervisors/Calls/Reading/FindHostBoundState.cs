namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// What of a VM that is off is kept on this host apart from its definition and its disks, such as a saved state: started on another host
/// it would be lost. Null: nothing.
/// </summary>
public sealed record FindHostBoundState(Guid Id) : HostCall<string?>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override Guid? VMId => Id;
}
