namespace Kumoi.Hypervisors.Calls;

/// <summary>What this host has of a VM, read on a connection that no earlier call has used.</summary>
public sealed record ReadWhereabouts(Guid Id) : HostCall<VMWhereabouts>
{
    public override CallKind Kind => CallKind.Probe;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override Guid? VMId => Id;
}
