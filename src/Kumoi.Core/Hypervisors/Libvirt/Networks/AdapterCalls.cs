using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;

namespace Kumoi.Hypervisors.Libvirt.Networks;

/// <summary>Calls on the network adapters of VMs.</summary>
internal static class AdapterCalls
{
    public static void AddTo(CallTable<LibvirtLink> calls) => calls
        .Add(static (LibvirtLink host, ReadAdapters call, CancellationToken token) => host.ReadAsync(
            call.Id, (connection, domain) => host.Of(static _ => new AddressReader()).ReadAdapters(connection, domain, call.Sources), token))
        .Add(static (LibvirtLink host, AddAdapter call, CancellationToken token) =>
            host.ControlAsync(connection => AdapterChanges.Add(connection, call), token))
        .Add(static (LibvirtLink host, SetAdapter call, CancellationToken token) =>
            host.ControlAsync(connection => AdapterChanges.Set(connection, call), token))
        .Add(static (LibvirtLink host, RemoveAdapter call, CancellationToken token) =>
            host.KeepAsync(host.RunJobAsync(connection => AdapterChanges.Remove(connection, call, token))));
}
