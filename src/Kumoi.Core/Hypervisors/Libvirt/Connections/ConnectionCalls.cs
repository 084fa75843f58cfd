using Kumoi.Hypervisors.Calls;

namespace Kumoi.Hypervisors.Libvirt.Connections;

/// <summary>Calls about the connection and the host behind it.</summary>
internal static class ConnectionCalls
{
    public static void AddTo(CallTable<LibvirtLink> calls) =>
        // The host's UUID, which libvirt has from its hardware, or from host_uuid in its configuration; else the URI.
        calls.Add(static (LibvirtLink host, ReadHostId _, CancellationToken token) =>
            host.ReadAsync(connection => HostIdentity.ReadId(connection) ?? host.Uri, token));
}
