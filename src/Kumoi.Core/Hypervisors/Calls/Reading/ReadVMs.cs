namespace Kumoi.Hypervisors.Calls;

/// <summary>All VMs of the host in one bulk call; templates only <paramref name="WithTemplates"/>.</summary>
public sealed record ReadVMs(bool WithTemplates = false) : HostCall<IReadOnlyList<VMReading>>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;
}
