namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// A picture of the VM's first screen, as it is now. A VM that is off fails with <see cref="HypervisorError.InvalidState"/>.
/// </summary>
public sealed record ReadScreen(Guid Id) : HostCall<ScreenReading>
{
    public override CallKind Kind => CallKind.Read;

    public override string FaultOperation => Faults.FaultOperation.Read;

    public override Guid? VMId => Id;
}
