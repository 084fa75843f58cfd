namespace Kumoi.Hypervisors.Calls;

/// <summary>All filters of the host for the packets of network adapters. None, where the host has no driver for them.</summary>
public sealed record ReadNetworkFilters : HostCall<IReadOnlyList<NetworkFilterReading>>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;
}
