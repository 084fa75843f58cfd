namespace Kumoi.Hypervisors.Calls;

/// <summary>The VM with exactly this name, or null if the host does not have it.</summary>
public sealed record FindVMByName(string Given) : HostCall<VMReading?>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override MaskPolicy Masking => MaskPolicy.LeftOut;

    public override string? VMName => Given;
}
