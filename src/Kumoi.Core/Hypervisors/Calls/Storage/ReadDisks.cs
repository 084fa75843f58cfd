namespace Kumoi.Hypervisors.Calls;

/// <summary>The disks and drives of a VM, as they are now; of a VM that is off, as they will be.</summary>
public sealed record ReadDisks(Guid Id) : HostCall<IReadOnlyList<DiskReading>>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override Guid? VMId => Id;
}
