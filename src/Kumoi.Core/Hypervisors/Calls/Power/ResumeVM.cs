namespace Kumoi.Hypervisors.Calls;

/// <summary>Resumes a paused VM, and wakes one that its own guest has suspended (<see cref="PowerState.PMSuspended"/>).</summary>
public sealed record ResumeVM(Guid Id) : VMChange<Done>(Id)
{
    public override string JournalKind => "Resume";

    public override string FaultOperation => Faults.FaultOperation.Start;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;
}
