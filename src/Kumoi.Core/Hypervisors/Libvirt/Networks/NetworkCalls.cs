using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;

namespace Kumoi.Hypervisors.Libvirt.Networks;

/// <summary>Calls on virtual networks.</summary>
internal static class NetworkCalls
{
    public static void AddTo(CallTable<LibvirtLink> calls) => calls
        .Add(static (LibvirtLink host, ReadNetworks _, CancellationToken token) => host.ReadAsync(NetworkReader.Read, token))
        .Add(static (LibvirtLink host, ReadNetworkFilters _, CancellationToken token) => host.ReadAsync(NetworkFilterReader.Read, token))
        .Add(static (LibvirtLink host, ReadLeases call, CancellationToken token) =>
            host.ReadAsync(connection => NetworkReader.ReadLeases(connection, call), token))
        .Add(static (LibvirtLink host, CreateNetwork call, CancellationToken token) =>
            host.ControlAsync(connection => NetworkChanges.Create(connection, call.Network), token))
        .Add(static (LibvirtLink host, StartNetwork call, CancellationToken token) =>
            host.ControlAsync(connection => NetworkChanges.Start(connection, call), token))
        .Add(static (LibvirtLink host, StopNetwork call, CancellationToken token) =>
            host.ControlAsync(connection => NetworkChanges.Stop(connection, call), token))
        .Add(static (LibvirtLink host, RemoveNetwork call, CancellationToken token) =>
            host.ControlAsync(connection => NetworkChanges.Remove(connection, call), token))
        .Add(static (LibvirtLink host, SetNetworkAutostart call, CancellationToken token) =>
            host.ControlAsync(connection => NetworkChanges.SetAutostart(connection, call), token));
}
