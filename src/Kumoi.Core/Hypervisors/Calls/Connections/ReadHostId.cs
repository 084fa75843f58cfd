namespace Kumoi.Hypervisors.Calls;

/// <summary>What tells the host from all others, whatever it is called in the session, and by whatever way it is reached.</summary>
public sealed record ReadHostId : HostCall<string>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;
}
