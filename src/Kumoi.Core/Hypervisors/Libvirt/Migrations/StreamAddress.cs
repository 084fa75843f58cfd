using System.Net;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>Addresses of migration streams as libvirt writes them: <c>tcp:HOST:PORT</c>, or <c>tcp://HOST:PORT</c>.</summary>
internal static class StreamAddress
{
    public static string Write(IPEndPoint endPoint) => "tcp:" + endPoint; // with brackets where it is IPv6

    /// <summary>
    /// Where a target waits. One that says no more than its own name, which is what libvirt says by itself, is reached as its daemon is.
    /// </summary>
    /// <param name="uri">What the target said.</param>
    /// <param name="hostName">The target's own name.</param>
    /// <param name="target">How this computer reaches its daemon.</param>
    public static EndPoint Read(string uri, string hostName, LibvirtUri target)
    {
        string address = uri.StartsWith("tcp://", StringComparison.Ordinal) ? uri["tcp://".Length..] : uri["tcp:".Length..];
        int colon = address.LastIndexOf(':');
        string host = address[..colon].Trim('[', ']');
        int port = int.Parse(address.AsSpan(colon + 1).TrimEnd('/'), System.Globalization.CultureInfo.InvariantCulture);
        if (target.IsReachableFromOtherHosts && string.Equals(host, hostName, StringComparison.OrdinalIgnoreCase))
        {
            host = target.Host;
        }

        return IPAddress.TryParse(host, out IPAddress? known) ? new IPEndPoint(known, port) : new DnsEndPoint(host, port);
    }

    /// <summary>Whether it is of that form.</summary>
    public static bool IsValid(string uri) =>
        uri.StartsWith("tcp:", StringComparison.Ordinal)
        && uri.LastIndexOf(':') is var colon and > 4
        && ushort.TryParse(uri.AsSpan(colon + 1).TrimEnd('/'), out _);
}
