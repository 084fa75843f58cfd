namespace Kumoi.Hypervisors.Calls;

/// <summary>One VM, or null if the host does not have it.</summary>
public sealed record FindVM(Guid Id) : HostCall<VMReading?>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override MaskPolicy Masking => MaskPolicy.LeftOut;

    public override Guid? VMId => Id;
}
