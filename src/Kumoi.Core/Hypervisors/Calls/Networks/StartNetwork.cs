using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Starts a virtual network; one that is active is fine.</summary>
/// <param name="Id">The network: names can be given to another between two calls.</param>
/// <param name="NetworkName">Its name, for people.</param>
public sealed record StartNetwork(Guid Id, string NetworkName) : HostChange<NetworkReading>
{
    public override string JournalKind => "StartNetwork";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["network"] = NetworkName };
}
