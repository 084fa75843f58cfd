using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Kumoi.Hypervisors.Libvirt.Connections;

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
        var (host, port) = Split(uri) ?? throw new FormatException($"'{uri}' is no address of a stream.");
        if (target.IsOverNetwork && string.Equals(host, hostName, StringComparison.OrdinalIgnoreCase))
        {
            host = target.Host;
        }

        return IPAddress.TryParse(host, out var known) ? new IPEndPoint(known, port) : new DnsEndPoint(host, port);
    }

    /// <summary>
    /// Where that leads to. Null: to this computer, and not since the target's daemon is reached here too; a host must not make this
    /// computer send what it likes to services that only this computer reaches. A name is resolved once, so that it does not lead elsewhere
    /// later. Blocks.
    /// </summary>
    /// <exception cref="SocketException">A name is not known.</exception>
    public static EndPoint? Resolve(EndPoint end, LibvirtUri target)
    {
        if (!target.IsOverNetwork || (end as DnsEndPoint)?.Host == target.Host)
        {
            return end;
        }

        IPAddress[] addresses = end is DnsEndPoint name ? Dns.GetHostAddresses(name.Host) : [((IPEndPoint)end).Address];
        return Array.Exists(addresses, OwnAddresses.Has) && !Array.Exists(Dns.GetHostAddresses(target.Host), OwnAddresses.Has) ? null
            : end is DnsEndPoint { Port: var port } ? new IPEndPoint(addresses[0], port)
            : end;
    }

    /// <summary>Whether it is of that form, with a host and a port that there can be.</summary>
    public static bool IsValid(string uri) => Split(uri) is not null;

    private static (string Host, int Port)? Split(string uri)
    {
        if (!uri.StartsWith("tcp:", StringComparison.Ordinal))
        {
            return null;
        }

        var address = uri[(uri.StartsWith("tcp://", StringComparison.Ordinal) ? "tcp://".Length : "tcp:".Length)..];
        address = address.EndsWith('/') ? address[..^1] : address;
        var colon = address.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port == 0)
        {
            return null;
        }

        var host = address[..colon];
        if (host.StartsWith('[') && host.EndsWith(']'))
        {
            host = host[1..^1];
            return IPAddress.TryParse(host, out var known) && known.AddressFamily == AddressFamily.InterNetworkV6 ? (host, port) : null;
        }

        return Uri.CheckHostName(host) is UriHostNameType.Dns or UriHostNameType.IPv4 ? (host, port) : null;
    }
}
