namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Sets the VM's mark, both of its run and of its definition; null takes it off. A mark changes nothing of the VM: the operation that it
/// tells of is in the journal, so this is not.
/// </summary>
public sealed record MarkVM(Guid Id, SpeculationMark? Mark) : HostCall<Done>
{
    public override CallKind Kind => CallKind.Write;

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override Guid? VMId => Id;
}
