using System.Net;
using System.Net.Sockets;
using Kumoi.Hypervisors;
using Kumoi.Hypervisors.Calls;

namespace Kumoi.Fleets;

/// <summary>What can be done with the virtual networks of hosts.</summary>
public static class HostNetworks
{
    private const int LongestBridgeName = 15; // of Linux
    private const int ShortestPrefix = 8;
    private const int LongestPrefix = 29;

    /// <summary>All virtual networks of a host, in natural order of their names.</summary>
    public static async Task<IReadOnlyList<KumoiNetwork>> ReadAsync(KumoiConnection host, CancellationToken cancellationToken)
    {
        var readings = await host.Link.SendAsync(new ReadNetworks(), cancellationToken);
        return
        [
            .. readings.OrderBy(static network => network.Name, NaturalOrder.Instance).Select(network => Made(host, network)),
        ];
    }

    /// <summary>The filters of a host for the packets of network adapters, in natural order of their names.</summary>
    public static async Task<IReadOnlyList<KumoiNetworkFilter>> ReadFiltersAsync(KumoiConnection host, CancellationToken cancellationToken)
    {
        var readings = await host.Link.SendAsync(new ReadNetworkFilters(), cancellationToken);
        var now = DateTimeOffset.UtcNow;
        return
        [
            .. readings.OrderBy(static filter => filter.Name, NaturalOrder.Instance)
                .Select(filter => new KumoiNetworkFilter(host, filter, now)),
        ];
    }

    /// <summary>The addresses that an active network's DHCP has given away, in their order.</summary>
    public static async Task<IReadOnlyList<KumoiDhcpLease>> ReadLeasesAsync(KumoiNetwork network, CancellationToken cancellationToken)
    {
        var readings = await network.Connection.Link.SendAsync(new ReadLeases(network.Id, network.Name), cancellationToken);
        var now = DateTimeOffset.UtcNow;
        return
        [
            .. readings.OrderBy(static lease => lease.Address, NaturalOrder.Instance)
                .Select(lease => new KumoiDhcpLease(network, lease, now)),
        ];
    }

    /// <summary>Makes a virtual network, or leaves nothing.</summary>
    /// <exception cref="HypervisorException">
    /// InvalidSpecification: names and addresses cannot be such. NetworkClash: another network has its name, or some of its addresses.
    /// ResourceUnavailable: it cannot be started.
    /// </exception>
    public static async Task<KumoiNetwork> CreateAsync(KumoiConnection host, NetworkSpec spec, CancellationToken cancellationToken)
    {
        Ensure(spec);
        return Made(host, await host.Link.SendAsync(new CreateNetwork(spec), cancellationToken));
    }

    /// <summary>Starts a virtual network. One that is active is fine.</summary>
    public static async Task<KumoiNetwork> StartAsync(KumoiNetwork network, CancellationToken cancellationToken) => Made(
        network.Connection, await network.Connection.Link.SendAsync(new StartNetwork(network.Id, network.Name), cancellationToken));

    /// <summary>Stops a virtual network. One that is not active is fine.</summary>
    /// <exception cref="HypervisorException">InvalidState: a VM that runs has an adapter in it.</exception>
    public static async Task<KumoiNetwork> StopAsync(KumoiNetwork network, CancellationToken cancellationToken) => Made(
        network.Connection, await network.Connection.Link.SendAsync(new StopNetwork(network.Id, network.Name), cancellationToken));

    /// <summary>Stops a virtual network, and removes its definition. One that is gone is fine.</summary>
    /// <exception cref="HypervisorException">InvalidState: a VM has an adapter in it.</exception>
    public static async Task RemoveAsync(KumoiNetwork network, CancellationToken cancellationToken) =>
        await network.Connection.Link.SendAsync(new RemoveNetwork(network.Id, network.Name), cancellationToken);

    /// <summary>Whether the host starts a virtual network when the host itself starts.</summary>
    public static async Task<KumoiNetwork> SetAutostartAsync(KumoiNetwork network, bool isOn, CancellationToken cancellationToken) => Made(
        network.Connection,
        await network.Connection.Link.SendAsync(new SetNetworkAutostart(network.Id, network.Name, isOn), cancellationToken));

    /// <summary>
    /// The host's address in a subnet, the first unless another is given, and what is left for DHCP on the longer side of it.
    /// </summary>
    /// <param name="subnet">Such as <c>192.168.150.0/24</c>, or <c>192.168.150.254/24</c>.</param>
    /// <exception cref="HypervisorException">InvalidSpecification: it is no IPv4 subnet of 8 to 29 bits.</exception>
    public static (string Address, string DhcpFirst, string DhcpLast) Divide(string subnet)
    {
        var (given, network) = ParseSubnet(subnet);
        var lowest = Subnet.NumberOf(network.BaseAddress) + 1;
        var highest = Subnet.NumberOf(Subnet.Broadcast(network)) - 1;
        var host = given.Equals(network.BaseAddress) ? lowest : Subnet.NumberOf(given);
        if (host < lowest || host > highest)
        {
            throw Invalid($"'{subnet}' has no address for the host: it is the last, to which all answer.", "Give another address.");
        }

        var (first, last) = highest - host >= host - lowest ? (host + 1, highest) : (lowest, host - 1);
        return ($"{At(host)}/{network.PrefixLength}", At(first), At(last));

        string At(uint number) => Subnet.Plus(network.BaseAddress, number - lowest + 1).ToString();
    }

    private static KumoiNetwork Made(KumoiConnection host, NetworkReading reading) => new(host, reading, DateTimeOffset.UtcNow);

    private static void Ensure(NetworkSpec spec)
    {
        VMSpecCheck.EnsureName(spec.Name, "network");
        if (spec.Name.Contains('/', StringComparison.Ordinal))
        {
            throw Invalid($"'{spec.Name}' is no name for a network.", "Give a name without '/'.");
        }

        if (spec.Kind is NetworkKind.Bridge)
        {
            VMSpecCheck.EnsureName(spec.Bridge ?? "", "bridge");
            if (spec.Bridge!.Length > LongestBridgeName || spec.Bridge.Any(static one => one is '/' or ':' || char.IsWhiteSpace(one)))
            {
                throw Invalid($"'{spec.Bridge}' is no name of a bridge.", "'ip link show type bridge' on the host lists its bridges.");
            }
        }

        if ((spec.Kind is NetworkKind.Nat && spec.Address is null) || (spec.Kind is NetworkKind.Bridge && spec.Address is not null)
            || spec.Kind is not (NetworkKind.Nat or NetworkKind.Bridge or NetworkKind.Isolated))
        {
            throw Invalid(
                "A network with NAT has addresses, one of a bridge has none of its own.", "Give a subnet, or the name of a bridge.");
        }

        if (spec.Address is not null)
        {
            var (address, network) = ParseSubnet(spec.Address);
            EnsureRange(spec, address, network);
        }
    }

    private static void EnsureRange(NetworkSpec spec, IPAddress address, IPNetwork network)
    {
        if (spec.DhcpFirst is null && spec.DhcpLast is null)
        {
            return;
        }

        if (!IPAddress.TryParse(spec.DhcpFirst, out var first) || !IPAddress.TryParse(spec.DhcpLast, out var last)
            || !network.Contains(first) || !network.Contains(last)
            || Subnet.NumberOf(first) > Subnet.NumberOf(last)
            || first.Equals(network.BaseAddress) || last.Equals(Subnet.Broadcast(network))
            || (Subnet.NumberOf(first) <= Subnet.NumberOf(address) && Subnet.NumberOf(address) <= Subnet.NumberOf(last)))
        {
            throw Invalid(
                $"DHCP cannot give away '{spec.DhcpFirst}' to '{spec.DhcpLast}' in {network}.",
                $"Give the first and the last of some addresses of the subnet without {address}, which is the host's.");
        }
    }

    private static (IPAddress Address, IPNetwork Network) ParseSubnet(string text) =>
        Subnet.Parse(text) is var (address, network) && address.AddressFamily is AddressFamily.InterNetwork
            && network.PrefixLength is >= ShortestPrefix and <= LongestPrefix
            ? (address, network)
            : throw Invalid(
                $"'{Visible.Text(text)}' is no IPv4 subnet.",
                $"Give one such as 192.168.150.0/24, with a prefix of {ShortestPrefix} to {LongestPrefix} bits.");

    private static HypervisorException Invalid(string message, string action) =>
        new(message, FaultDomain.VM, error: HypervisorError.InvalidSpecification, recommendedAction: action);
}
