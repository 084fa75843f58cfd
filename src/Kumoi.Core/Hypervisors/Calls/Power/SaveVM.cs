namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Writes the memory and the devices of a running or paused VM to its host, and turns it off: its next start goes on from there, running or
/// paused as it was. Cancelled, the VM goes on as before.
/// </summary>
public sealed record SaveVM(Guid Id) : VMChange<Done>(Id)
{
    // It takes as long as its memory takes to be written.
    public override CallKind Kind => CallKind.Job;

    public override string JournalKind => "Save";

    public override string FaultOperation => Faults.FaultOperation.Stop;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override bool IsUndoneByCancellation => true;
}
