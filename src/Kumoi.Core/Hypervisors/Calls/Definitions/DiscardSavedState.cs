namespace Kumoi.Hypervisors.Calls;

/// <summary>Throws away the memory that was saved of a VM that is off: its next start is a fresh one. Fine where there is none.</summary>
public sealed record DiscardSavedState(Guid Id) : VMChange<Done>(Id)
{
    public override string JournalKind => "DiscardSavedState";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;
}
