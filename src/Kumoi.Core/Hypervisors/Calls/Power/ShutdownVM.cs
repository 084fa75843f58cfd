namespace Kumoi.Hypervisors.Calls;

/// <summary>Asks the guest to shut down, and returns at once.</summary>
public sealed record ShutdownVM(Guid Id) : VMChange<Done>(Id)
{
    public override string JournalKind => "Shutdown";

    public override string FaultOperation => Faults.FaultOperation.Stop;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;
}
