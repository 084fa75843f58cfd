using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Starts a VM; with <paramref name="Paused"/> its guest does not run before it is resumed.</summary>
public sealed record StartVM(Guid Id, bool Paused = false) : VMChange<Done>(Id)
{
    public override string JournalKind => "Start";

    public override string FaultOperation => Faults.FaultOperation.Start;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override bool BringsVM => true;

    public override JsonObject? Details => Paused ? new JsonObject { ["paused"] = true } : null;
}
