using Kumoi.Hypervisors.Calls;
using Kumoi.Hypervisors.Libvirt.Connections;
using Kumoi.Hypervisors.Libvirt.Reading;

namespace Kumoi.Hypervisors.Libvirt.Snapshots;

/// <summary>Calls on the snapshots of VMs.</summary>
internal static class SnapshotCalls
{
    public static void AddTo(CallTable<LibvirtLink> calls) => calls
        .Add(static (LibvirtLink host, ReadSnapshots call, CancellationToken token) => host.ReadAsync(call.Id, SnapshotReader.Read, token))
        .Add(static (LibvirtLink host, CreateSnapshot call, CancellationToken token) => SnapshotMaking.MakeAsync(host, call, token))
        .Add(static (LibvirtLink host, RestoreSnapshot call, CancellationToken _) => SnapshotRestoring.RestoreAsync(host, call))
        .Add(static (LibvirtLink host, RemoveSnapshot call, CancellationToken token) => SnapshotRemoval.RemoveAsync(host, call, token))
        .Add(static (LibvirtLink host, RenameSnapshot call, CancellationToken token) => host.ChangeAsync(
            call.Id, (connection, domain) => SnapshotRenaming.Rename(connection, domain, call), token));
}
