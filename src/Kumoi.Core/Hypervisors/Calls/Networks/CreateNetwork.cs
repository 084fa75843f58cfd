using System.Text.Json.Nodes;

namespace Kumoi.Hypervisors.Calls;

/// <summary>
/// Defines a virtual network whose name and addresses no network of the host has, and starts it if that is asked for. If it cannot be
/// started, it has no definition either.
/// </summary>
public sealed record CreateNetwork(NetworkSpec Network) : HostChange<NetworkReading>
{
    public override string JournalKind => "CreateNetwork";

    public override string FaultOperation => Faults.FaultOperation.Define;

    public override JsonObject? Details => new()
    {
        ["network"] = Network.Name,
        ["kind"] = Network.Kind.ToString(),
        ["address"] = Network.Address,
        ["bridge"] = Network.Bridge,
    };
}
