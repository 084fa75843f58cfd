using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Gives a VM a network adapter: at once if it is not off, and in its definition.</summary>
/// <param name="Id">The VM.</param>
/// <param name="MacAddress">As <see cref="AdapterReading.MacAddress"/> has it. No other adapter of the VM may have it.</param>
/// <param name="Adapter">What it is like. Its network is named.</param>
/// <param name="Model">What the guest sees, as libvirt names it.</param>
public sealed record AddAdapter(Guid Id, string MacAddress, AdapterSettings Adapter, string Model) : VMChange<AdapterReading>(Id)
{
    public override string JournalKind => "AddAdapter";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["mac"] = MacAddress, ["settings"] = Adapter.ToJson(), ["model"] = Model };
}
