namespace Kumoi.Hypervisors.Calls;

/// <summary>Reads the whole host, with all its VMs if asked: one bulk call, because reads dominate.</summary>
public sealed record ReadHost(bool IncludeVMs) : HostCall<HostReading>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;
}
