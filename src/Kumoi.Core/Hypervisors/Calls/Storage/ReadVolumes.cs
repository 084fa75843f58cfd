namespace Kumoi.Hypervisors.Calls;

/// <summary>The volumes of an active storage pool, after the host has looked what is there.</summary>
public sealed record ReadVolumes(string Pool) : HostCall<IReadOnlyList<VolumeReading>>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;
}
