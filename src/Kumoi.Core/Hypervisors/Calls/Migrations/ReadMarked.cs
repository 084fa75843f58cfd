namespace Kumoi.Hypervisors.Calls;

/// <summary>All VMs of the host that carry a mark. One call to the hypervisor for each VM.</summary>
public sealed record ReadMarked : HostCall<IReadOnlyList<MarkedVM>>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;
}
