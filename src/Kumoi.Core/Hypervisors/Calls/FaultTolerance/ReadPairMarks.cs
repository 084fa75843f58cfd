namespace Kumoi.Hypervisors.Calls;

/// <summary>All marks of fault-tolerant pairs that the host has. One call to the hypervisor for each.</summary>
public sealed record ReadPairMarks : HostCall<IReadOnlyList<PairMarkReading>>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;
}
