using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;

namespace Kumoi.Hypervisors.Libvirt.Storage;

/// <summary>Calls on storage pools.</summary>
internal static class PoolCalls
{
    public static void AddTo(CallTable<LibvirtLink> calls) => calls
        .Add(static (LibvirtLink host, ReadStorage _, CancellationToken token) => host.ReadAsync(PoolReader.Read, token))
        .Add(static (LibvirtLink host, RefreshPool call, CancellationToken token) =>
            host.ReadAsync(connection => PoolChanges.Refresh(connection, call), token))
        .Add(static (LibvirtLink host, CreatePool call, CancellationToken token) =>
            host.ControlAsync(connection => PoolChanges.Create(connection, call.Pool), token))
        .Add(static (LibvirtLink host, StartPool call, CancellationToken token) =>
            host.ControlAsync(connection => PoolChanges.Start(connection, call), token))
        .Add(static (LibvirtLink host, StopPool call, CancellationToken token) =>
            host.ControlAsync(connection => PoolChanges.Stop(connection, call), token))
        .Add(static (LibvirtLink host, RemovePool call, CancellationToken token) =>
            host.ControlAsync(connection => PoolChanges.Remove(connection, call), token))
        .Add(static (LibvirtLink host, SetPoolAutostart call, CancellationToken token) =>
            host.ControlAsync(connection => PoolChanges.SetAutostart(connection, call), token));
}
