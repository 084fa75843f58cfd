namespace Kumoi.Hypervisors.Calls;

/// <summary>Pauses a running VM.</summary>
public sealed record SuspendVM(Guid Id) : VMChange<Done>(Id)
{
    public override string JournalKind => "Suspend";

    public override string FaultOperation => Faults.FaultOperation.Stop;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;
}
