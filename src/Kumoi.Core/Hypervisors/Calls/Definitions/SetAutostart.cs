using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Whether the host starts the VM when the host itself starts. A transient VM cannot be started so.</summary>
public sealed record SetAutostart(Guid Id, bool IsOn) : VMChange<Done>(Id)
{
    public override string JournalKind => "SetAutostart";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override MaskPolicy Masking => MaskPolicy.TypedDefault;

    public override JsonObject? Details => new() { ["on"] = IsOn };
}
