using System.Net;
using System.Net.NetworkInformation;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>The addresses under which this computer reaches itself.</summary>
internal static class OwnAddresses
{
    public static bool Has(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        var bytes = plain.GetAddressBytes();
        return IPAddress.IsLoopback(plain)
            || plain.Equals(IPAddress.Any)
            || plain.Equals(IPAddress.IPv6Any)
            || NetworkInterface.GetAllNetworkInterfaces()
                .SelectMany(static network => network.GetIPProperties().UnicastAddresses)
                .Any(own => own.Address.GetAddressBytes().AsSpan().SequenceEqual(bytes)); // whatever the scope of a link-local one
    }
}
