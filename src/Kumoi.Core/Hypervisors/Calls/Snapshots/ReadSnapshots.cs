namespace Kumoi.Hypervisors.Calls;

/// <summary>The snapshots of a VM, in no particular order.</summary>
public sealed record ReadSnapshots(Guid Id) : HostCall<IReadOnlyList<SnapshotReading>>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override Guid? VMId => Id;
}
