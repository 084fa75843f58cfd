namespace Kumoi.Hypervisors.Calls;

/// <summary>Resets the VM as by its reset button.</summary>
public sealed record ResetVM(Guid Id) : VMChange<Done>(Id)
{
    public override string JournalKind => "Reset";

    public override string FaultOperation => Faults.FaultOperation.Start;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;
}
