namespace Kumoi.Hypervisors.Calls;

/// <summary>The VM's live definition (domain XML), without secrets.</summary>
public sealed record ReadXml(Guid Id) : HostCall<string>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override Guid? VMId => Id;
}
