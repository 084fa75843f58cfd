using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Stops a virtual network; one that is not active is fine. One in which VMs that run have adapters stays:
/// <see cref="HypervisorError.InvalidState"/>.
/// </summary>
/// <param name="Id">The network: names can be given to another between two calls.</param>
/// <param name="NetworkName">Its name, for people.</param>
public sealed record StopNetwork(Guid Id, string NetworkName) : HostChange<NetworkReading>
{
    public override string JournalKind => "StopNetwork";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["network"] = NetworkName };
}
