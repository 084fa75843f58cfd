namespace Kumoi.Hypervisors.Calls;

/// <summary>The network adapters of a VM, as they are now; of a VM that is off, as they will be.</summary>
public sealed record ReadAdapters(Guid Id) : HostCall<IReadOnlyList<AdapterReading>>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override Guid? VMId => Id;
}
