namespace Kumoi.Hypervisors.Calls;

/// <summary>All storage pools of the host, active or not.</summary>
public sealed record ReadStorage : HostCall<IReadOnlyList<PoolReading>>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;
}
