namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Starts a standby of another VM on the host, paused, which takes that VM's state when it is told to (-incoming defer). It is there until
/// it is removed, and is not defined.
/// </summary>
/// <param name="VM">The VM that it stands by for.</param>
/// <param name="Id">The standby's own id.</param>
/// <param name="Definition">Its domain XML, with secrets.</param>
public sealed record StartStandby(Guid VM, Guid Id, string Definition) : HostCall<Done>
{
    public override CallKind Kind => CallKind.Step;

    public override string FaultOperation => Faults.FaultOperation.Start;

    public override Guid? VMId => Id;

    public override bool BringsVM => true;
}
