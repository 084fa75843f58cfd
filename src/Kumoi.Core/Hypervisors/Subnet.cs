using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Kumoi.Hypervisors;

/// <summary>The addresses of a network, IPv4 or IPv6.</summary>
internal static class Subnet
{
    /// <summary>Null: it is no address with the length of its prefix.</summary>
    public static (IPAddress Address, IPNetwork Network)? Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        return slash > 0 && IPAddress.TryParse(text.AsSpan(0, slash), out var address)
            && int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            && length <= (address.AddressFamily is AddressFamily.InterNetwork ? 32 : 128)
            ? (address, NetworkOf(address, length)) : null;
    }

    public static bool Overlap(IPNetwork one, IPNetwork other) => one.BaseAddress.AddressFamily == other.BaseAddress.AddressFamily
        && (one.Contains(other.BaseAddress) || other.Contains(one.BaseAddress));

    /// <summary>The last address of an IPv4 network, to which nobody in it answers alone.</summary>
    public static IPAddress Broadcast(IPNetwork network) =>
        Plus(network.BaseAddress, (uint)((1UL << (32 - network.PrefixLength)) - 1));

    /// <summary>So many addresses further, of IPv4.</summary>
    public static IPAddress Plus(IPAddress address, uint count) => OfNumber(NumberOf(address) + count);

    /// <summary>An IPv4 address as a number, in the order of addresses.</summary>
    public static uint NumberOf(IPAddress address)
    {
        var bytes = address.GetAddressBytes();
        return ((uint)bytes[0] << 24) | ((uint)bytes[1] << 16) | ((uint)bytes[2] << 8) | bytes[3];
    }

    /// <summary>How many bits of a netmask such as 255.255.255.0 are the network's.</summary>
    public static int PrefixOf(IPAddress mask) => mask.GetAddressBytes().Sum(static part => int.PopCount(part));

    private static IPAddress OfNumber(uint number) =>
        new([(byte)(number >> 24), (byte)(number >> 16), (byte)(number >> 8), (byte)number]);

    private static IPNetwork NetworkOf(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var i = 0; i < bytes.Length; i++)
        {
            var bits = Math.Clamp(length - (i * 8), 0, 8);
            bytes[i] &= (byte)(0xff << (8 - bits));
        }

        return new IPNetwork(new IPAddress(bytes), length);
    }
}
