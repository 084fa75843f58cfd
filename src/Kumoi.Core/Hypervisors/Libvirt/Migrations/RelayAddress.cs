using System.Net;
using System.Net.Sockets;
using Kumoi.Hypervisors.Libvirt.Connections;

namespace Kumoi.Hypervisors.Libvirt.Migrations;

/// <summary>Where a relay waits for a source, and who may send it there.</summary>
/// <param name="Local">This computer, as the source host reaches it.</param>
/// <param name="Sources">The source host.</param>
/// <param name="MayBeHere">The source host may be this computer.</param>
internal sealed record RelayAddress(IPAddress Local, IReadOnlyList<IPAddress> Sources, bool MayBeHere = false)
{
    private const int AnyPort = 9; // discard; no packet is sent

    /// <summary>
    /// The address from which this computer speaks to the source host: what it can send to from there can, as a rule, also reach it there.
    /// </summary>
    /// <exception cref="HypervisorException"><see cref="HypervisorError.NotSupported"/>: it cannot be found.</exception>
    public static async Task<RelayAddress> FindAsync(
        LibvirtUri source, string hostName, IPAddress? given, IReadOnlyList<IPAddress>? sources, CancellationToken cancellationToken)
    {
        if (given is not null)
        {
            return sources is not null
                ? new RelayAddress(given, sources) : await WithSourcesAsync(source, hostName, given, cancellationToken);
        }

        if (!source.IsOverNetwork)
        {
            throw NotFound($"its URI {source.Display} does not show how the hosts and this computer reach each other", null);
        }

        try
        {
            var addresses = await Dns.GetHostAddressesAsync(source.Host, cancellationToken);
            using var socket = new Socket(addresses[0].AddressFamily, SocketType.Dgram, ProtocolType.Udp);
            await socket.ConnectAsync(new IPEndPoint(addresses[0], AnyPort), cancellationToken);
            return new RelayAddress(((IPEndPoint)socket.LocalEndPoint!).Address, sources ?? addresses);
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
                "Give RelayAddress, the address of this computer under which the source host reaches it, or connect to "
                    + "the hosts by network "
                + "(such as qemu+tls://host/system).",
            innerException: inner);
    }

    public bool IsSource(IPAddress caller) => Sources.Contains(caller) || (MayBeHere && OwnAddresses.Has(caller));

    /// <summary>
    /// What the source's URI tells, unless that is this computer: then the source is here, or a tunnel to it, and its own name may tell
    /// more.
    /// </summary>
    private static async Task<RelayAddress> WithSourcesAsync(
        LibvirtUri source, string hostName, IPAddress given, CancellationToken cancellationToken)
    {
        IPAddress[] addresses = source.IsOverNetwork ? await ResolveAsync(source.Host, cancellationToken) : [];
        return addresses.Length > 0 && !Array.Exists(addresses, OwnAddresses.Has)
            ? new RelayAddress(given, addresses)
            : new RelayAddress(given, await ResolveAsync(hostName, cancellationToken), MayBeHere: true);
    }

    private static async Task<IPAddress[]> ResolveAsync(string name, CancellationToken cancellationToken)
    {
        try
        {
            return await Dns.GetHostAddressesAsync(name, cancellationToken);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            return [];
        }
    }
}
