namespace Kumoi.Hypervisors.Calls;

/// <summary>What the host offers for a new VM.</summary>
/// <param name="MachineType">Such as <c>q35</c>; null: q35 where the host has it, else its own default.</param>
public sealed record ReadDomainCapabilities(string? MachineType) : HostCall<DomainCapabilities>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;
}
