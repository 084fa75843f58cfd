using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Changes a network adapter of a VM: at once if it is not off, and in its definition.</summary>
/// <param name="Id">The VM.</param>
/// <param name="MacAddress">Which of its adapters.</param>
/// <param name="Settings">What is null stays as it is.</param>
public sealed record SetAdapter(Guid Id, string MacAddress, AdapterSettings Settings) : VMChange<AdapterReading>(Id)
{
    public override string JournalKind => "SetAdapter";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["mac"] = MacAddress, ["settings"] = Settings.ToJson() };
}
