namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>A virtual network of a simulated host.</summary>
internal sealed class SimulatedNetwork(NetworkReading reading)
{
    /// <summary>As it is.</summary>
    public NetworkReading Reading { get; set; } = reading;

    public static SimulatedNetwork First(Guid id) => new(new NetworkReading
    {
        Id = id,
        Name = "default",
        Kind = NetworkKind.Nat,
        Bridge = "virbr0",
        IsActive = true,
        IsAutostart = true,
        Addresses = ["192.168.122.1/24"],
        DhcpRanges = ["192.168.122.2-192.168.122.254"],
    });
}
