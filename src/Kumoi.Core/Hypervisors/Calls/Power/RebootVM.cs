namespace Kumoi.Hypervisors.Calls;

/// <summary>Asks the guest to reboot, and returns at once.</summary>
public sealed record RebootVM(Guid Id) : VMChange<Done>(Id)
{
    public override string JournalKind => "Reboot";

    public override string FaultOperation => Faults.FaultOperation.Start;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;
}
