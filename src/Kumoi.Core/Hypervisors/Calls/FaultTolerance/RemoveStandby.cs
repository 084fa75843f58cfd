namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Ends a standby; what is not there is removed already. A domain of that id that is not marked as a standby of the VM is not touched, and
/// is an error.
/// </summary>
/// <param name="VM">The VM that it stands by for.</param>
/// <param name="Id">The standby's own id.</param>
public sealed record RemoveStandby(Guid VM, Guid Id) : HostCall<Done>
{
    public override CallKind Kind => CallKind.Step;

    public override string FaultOperation => Faults.FaultOperation.Stop;

    public override Guid? VMId => Id;
}
