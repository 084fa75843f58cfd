using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>Whether the host starts a virtual network when the host itself starts.</summary>
/// <param name="Id">The network: names can be given to another between two calls.</param>
/// <param name="NetworkName">Its name, for people.</param>
/// <param name="IsOn">It does.</param>
public sealed record SetNetworkAutostart(Guid Id, string NetworkName, bool IsOn) : HostChange<NetworkReading>
{
    public override string JournalKind => "SetNetworkAutostart";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["network"] = NetworkName, ["on"] = IsOn };
}
