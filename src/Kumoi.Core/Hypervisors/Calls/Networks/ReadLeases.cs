namespace Kumoi.Hypervisors.Calls;

/// <summary>The addresses that an active network's DHCP has given away.</summary>
/// <param name="Id">The network: names can be given to another between two calls.</param>
/// <param name="NetworkName">Its name, for people.</param>
public sealed record ReadLeases(Guid Id, string NetworkName) : HostCall<IReadOnlyList<DhcpLeaseReading>>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;
}
