namespace Kumoi.Hypervisors.Calls;

/// <summary>Whether the guest's agent is connected, as the host sees it: the guest is not asked.</summary>
public sealed record ReadGuestAgent(Guid Id) : HostCall<GuestAgentState>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override Guid? VMId => Id;
}
