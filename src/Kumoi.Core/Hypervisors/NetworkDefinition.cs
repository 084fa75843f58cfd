using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Xml;
using System.Xml.Linq;

namespace Kumoi.Hypervisors;

/// <summary>Virtual networks in libvirt's XML (https://libvirt.org/formatnetwork.html), and what is refused with them.</summary>
internal static class NetworkDefinition
{
    /// <summary>Null: it is no XML of a network.</summary>
    public static NetworkReading? Read(string xml)
    {
        try
        {
            var network = SafeXml.Parse(xml);
            return (string?)network.Element("name") is { Length: > 0 } name ? new NetworkReading
            {
                Id = Guid.TryParse((string?)network.Element("uuid"), out var id) ? id : Guid.Empty,
                Name = name,
                Kind = KindOf(network),
                Bridge = (string?)network.Element("bridge")?.Attribute("name"),
                Addresses = [.. network.Elements("ip").Select(AddressOf).OfType<string>()],
                DhcpRanges =
                [
                    .. network.Elements("ip").Elements("dhcp").Elements("range").Select(
                        static range => $"{(string?)range.Attribute("start")}-{(string?)range.Attribute("end")}"),
                ],
            }
            : null;
        }
        catch (XmlException)
        {
            return null;
        }
    }

    public static XElement Build(NetworkSpec spec) => new(
        "network",
        new XElement("name", spec.Name),
        spec.Kind switch
        {
            NetworkKind.Nat => new XElement("forward", new XAttribute("mode", "nat")),
            NetworkKind.Bridge => new XElement("forward", new XAttribute("mode", "bridge")),
            _ => null,
        },
        spec.Kind is NetworkKind.Bridge ? new XElement("bridge", new XAttribute("name", spec.Bridge!)) : null,
        spec.Address is { } text && Subnet.Parse(text) is var (address, network)
            ? new XElement(
                "ip",
                new XAttribute("address", address),
                new XAttribute("prefix", network.PrefixLength),
                spec.DhcpFirst is null ? null : new XElement(
                    "dhcp", new XElement("range", new XAttribute("start", spec.DhcpFirst), new XAttribute("end", spec.DhcpLast!))))
            : null);

    /// <summary>Fails where another network has its name, its bridge or one of its addresses.</summary>
    public static void EnsureFree(string host, NetworkSpec spec, IEnumerable<NetworkReading> others)
    {
        foreach (var other in others)
        {
            if (other.Name == spec.Name)
            {
                throw new HypervisorException(
                    $"{host} already has a network '{spec.Name}'.", FaultDomain.Host, error: HypervisorError.NetworkClash,
                    recommendedAction: "Choose another name, or use that one (Get-KumoiNetwork).");
            }

            if (spec.Address is { } text && Subnet.Parse(text) is var (_, ours)
                && other.Addresses.FirstOrDefault(one => Subnet.Parse(one) is var (_, theirs) && Subnet.Overlap(ours, theirs)) is { } taken)
            {
                throw new HypervisorException(
                    $"The network '{spec.Name}' cannot be made on {host}: '{other.Name}' has some of its addresses ({taken}).",
                    FaultDomain.Host, error: HypervisorError.NetworkClash, recommendedAction: "Choose other addresses, or use that network.");
            }
        }
    }

    /// <summary>
    /// Whether a VM has an adapter in a network. While it runs, libvirt tells the adapter's type as what it has become, such as a bridge.
    /// </summary>
    public static bool IsUsedBy(string network, XElement domain) => AdapterDefinition.Of(domain).Any(
        adapter => (string?)adapter.Element("source")?.Attribute("network") == network);

    public static HypervisorException IsGone(string host, string network) => new(
        $"{host} has no network '{network}' any more.", FaultDomain.Host, error: HypervisorError.ResourceUnavailable,
        recommendedAction: "Get-KumoiNetwork lists the networks of the hosts.");

    public static HypervisorException NotActive(string host, string network) => new(
        $"The network '{network}' of {host} is not active.", FaultDomain.Host, error: HypervisorError.ResourceUnavailable,
        recommendedAction: "Start it with Start-KumoiNetwork.");

    public static HypervisorException InUse(string host, string network, string vm) => new(
        $"The network '{network}' of {host} stays as it is: the VM '{vm}' has an adapter in it.", FaultDomain.Host,
        error: HypervisorError.InvalidState,
        recommendedAction: "Connect the adapter elsewhere (Set-KumoiNetworkAdapter), remove it, or stop the VM.");

    private static NetworkKind KindOf(XElement network) => network.Element("forward") is not { } forward ? NetworkKind.Isolated
        : (string?)forward.Attribute("mode") switch
        {
            null or "nat" => NetworkKind.Nat,
            "bridge" when network.Element("bridge") is not null => NetworkKind.Bridge,
            "route" or "open" => NetworkKind.Routed,
            _ => NetworkKind.Other,
        };

    private static string? AddressOf(XElement ip)
    {
        if (!IPAddress.TryParse((string?)ip.Attribute("address"), out var address))
        {
            return null;
        }

        var length = (int?)ip.Attribute("prefix")
            ?? (IPAddress.TryParse((string?)ip.Attribute("netmask"), out var mask) ? Subnet.PrefixOf(mask) : DefaultPrefix(address));
        return string.Create(CultureInfo.InvariantCulture, $"{address}/{length}");
    }

    /// <summary>libvirt's: by the class of the address, as it was once.</summary>
    private static int DefaultPrefix(IPAddress address) => address.AddressFamily is AddressFamily.InterNetworkV6 ? 64
        : address.GetAddressBytes()[0] switch
        {
            < 128 => 8,
            < 192 => 16,
            _ => 24,
        };
}
