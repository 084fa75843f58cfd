namespace Kumoi.Hypervisors.Calls;

/// <summary>The network adapters of a VM, as they are now; of a VM that is off, as they will be.</summary>
/// <param name="Id">The VM.</param>
/// <param name="Sources">Who is asked for the addresses of a VM that is not off.</param>
public sealed record ReadAdapters(Guid Id, AddressSources Sources = AddressSources.None) : HostCall<IReadOnlyList<AdapterReading>>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override Guid? VMId => Id;
}
