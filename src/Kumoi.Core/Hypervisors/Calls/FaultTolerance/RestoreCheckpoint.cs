using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Brings a VM to the host as it was when the checkpoint was made, paused. A host that has it running or paused refuses.
/// </summary>
/// <param name="Id">The VM.</param>
/// <param name="Path">The checkpoint's file, as the host sees it.</param>
/// <param name="IsDrill">It is never let go on: its consoles lead nowhere.</param>
public sealed record RestoreCheckpoint(Guid Id, string Path, bool IsDrill = false) : VMChange<Done>(Id)
{
    public override CallKind Kind => CallKind.Step;

    public override string JournalKind => "RestoreCheckpoint";

    public override string FaultOperation => Faults.FaultOperation.Start;

    public override bool BringsVM => true;

    public override JsonObject? Details => new() { ["path"] = Path };
}
