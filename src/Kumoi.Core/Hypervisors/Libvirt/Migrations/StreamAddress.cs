using System.Globalization;
using System.Net;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>Addresses of migration streams as libvirt writes them: <c>tcp:HOST:PORT</c>, or <c>tcp://HOST:PORT</c>.</summary>
internal static class StreamAddress
{
    public static string Write(IPEndPoint endPoint) => "tcp:" + endPoint; // with brackets where it is IPv6

    /// <summary>
    /// Where a target waits. One that says no more than its own name, which is what libvirt says by itself, is reached as its daemon is.
    /// </summary>
    /// <param name="uri">What the target said; <see cref="IsValid"/>.</param>
    /// <param name="hostName">The target's own name.</param>
    /// <param name="target">How this computer reaches its daemon.</param>
    public static EndPoint Read(string uri, string hostName, LibvirtUri target)
    {
        (string host, int port) = Split(uri) ?? throw new FormatException($"'{uri}' is no address of a stream.");
        if (target.IsReachableFromOtherHosts && string.Equals(host, hostName, StringComparison.OrdinalIgnoreCase))
        {
            host = target.Host;
        }

        return IPAddress.TryParse(host, out IPAddress? known) ? new IPEndPoint(known, port) : new DnsEndPoint(host, port);
    }

    /// <summary>Whether it is of that form, with a host and a port that there can be.</summary>
    public static bool IsValid(string uri) => Split(uri) is not null;

    private static (string Host, int Port)? Split(string uri)
    {
        if (!uri.StartsWith("tcp:", StringComparison.Ordinal))
        {
            return null;
        }

        string address = uri[(uri.StartsWith("tcp://", StringComparison.Ordinal) ? "tcp://".Length : "tcp:".Length)..];
        address = address.EndsWith('/') ? address[..^1] : address;
        int colon = address.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) || port == 0)
        {
            return null;
        }

        string host = address[..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
        {
            host = host[1..^1];
            return IPAddress.TryParse(host, out IPAddress? known) && known.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? (host, port) : null;
        }

        return Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4 ? (host, port) : null;
    }
}
