using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Takes a network adapter away from a VM: from its guest, which must let go of it, and then from its definition. One that the VM has not
/// is
/// fine.
/// </summary>
public sealed record RemoveAdapter(Guid Id, string MacAddress) : VMChange<Done>(Id)
{
    // The guest takes its time.
    public override CallKind Kind => CallKind.Job;

    public override string JournalKind => "RemoveAdapter";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["mac"] = MacAddress };
}
