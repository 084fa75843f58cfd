using System.Net;
using System.Net.Sockets;

namespace Kumoi.Hypervisors;

/// <summary>Addresses of guests, which are told by guests, and may be anything.</summary>
internal static class GuestAddress
{
    /// <summary>As it is written usually; null: it is none, or none under which others reach the guest: loopback, link-local.</summary>
    public static string? Reachable(string? text)
    {
        if (!IPAddress.TryParse(text, out var address) || IPAddress.IsLoopback(address))
        {
            return null;
        }

        var bytes = address.GetAddressBytes();
        var isLinkLocal = address.AddressFamily is AddressFamily.InterNetwork
            ? bytes[0] == 169 && bytes[1] == 254
            : address.IsIPv6LinkLocal;
        return isLinkLocal || bytes.All(static one => one == 0) || address.IsIPv6Multicast ? null : address.ToString();
    }
}
