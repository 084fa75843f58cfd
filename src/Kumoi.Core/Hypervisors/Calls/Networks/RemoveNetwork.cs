using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Stops a virtual network, and removes its definition. One that is gone is fine. One in which VMs have adapters stays as it is:
/// <see cref="HypervisorError.InvalidState"/>.
/// </summary>
/// <param name="Id">The network: names can be given to another between two calls.</param>
/// <param name="NetworkName">Its name, for people.</param>
public sealed record RemoveNetwork(Guid Id, string NetworkName) : HostChange<Done>
{
    public override string JournalKind => "RemoveNetwork";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new() { ["network"] = NetworkName };
}
