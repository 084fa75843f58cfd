namespace Kumoi.Hypervisors.Calls;

/// <summary>All virtual networks of the host, active or not.</summary>
public sealed record ReadNetworks : HostCall<IReadOnlyList<NetworkReading>>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;
}
