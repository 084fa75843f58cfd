namespace Kumoi.Hypervisors.Calls;

/// <summary>Stops the VM as by pulling the plug.</summary>
public sealed record DestroyVM(Guid Id) : VMChange<Done>(Id)
{
    public override string JournalKind => "Destroy";

    public override string FaultOperation => Faults.FaultOperation.Stop;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;
}
