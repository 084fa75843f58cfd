namespace Kumoi.Hypervisors.Calls;

/// <summary>The host's active storage pools. None where the hypervisor has no such thing.</summary>
public sealed record ReadPools : HostCall<IReadOnlyList<StoragePoolReading>>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;
}
