using System.Net;
using System.Net.Sockets;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>Where this computer relays a migration's stream, and who may send it there.</summary>
/// <param name="Local">This computer, as the source host reaches it.</param>
/// <param name="Sources">The source host; null: anybody.</param>
internal sealed record RelayAddress(IPAddress Local, IReadOnlyList<IPAddress>? Sources)
{
    private const int AnyPort = 9; // discard; no packet is sent

    /// <summary>
    /// The address from which this computer speaks to the source host: what it can send to from there can, as a rule, also reach it there.
    /// </summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.NotSupported"/>: it cannot be found.</exception>
    public static async Task<RelayAddress> FindAsync(LibvirtUri source, string hostName, IPAddress? given, CancellationToken cancellationToken)
    {
        if (given is not null)
        {
            return new RelayAddress(given, null);
        }

        if (!source.IsReachableFromOtherHosts)
        {
            throw NotFound($"its URI {source.Display} does not tell how the hosts and this computer reach each other", null);
        }

        try
        {
            IPAddress[] addresses = await Dns.GetHostAddressesAsync(source.Host, cancellationToken).ConfigureAwait(false);
            using Socket socket = new(addresses[0].AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            await socket.ConnectAsync(new IPEndPoint(addresses[0], AnyPort), cancellationToken).ConfigureAwait(false);
            return new RelayAddress(((IPEndPoint)socket.LocalEndPoint!).Address, addresses);
        }
        catch (SocketException e)
        {
            throw NotFound(e.Message, e);
        }

        HypervisorException NotFound(string reason, Exception? inner) => new(
            $"Cannot relay a migration from {hostName}: the address under which it reaches this computer is not known ({reason}).",
            FaultDomain.Unknown,
            error: HypervisorError.NotSupported,
            recommendedAction:
                "Give RelayAddress, the address of this computer under which the source host reaches it, or connect to the hosts by network "
                + "(such as qemu+tls://host/system).",
            innerException: inner);
    }

    public bool IsSource(IPAddress caller) => Sources is null || Sources.Contains(caller);
}
