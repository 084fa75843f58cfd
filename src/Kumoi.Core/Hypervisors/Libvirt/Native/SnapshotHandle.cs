namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>A virDomainSnapshotPtr.</summary>
internal sealed class SnapshotHandle(nint pointer, ConnectionHandle connection) : ChildHandle(pointer, connection)
{
    protected override int Free(nint pointer) => NativeSnapshot.virDomainSnapshotFree(pointer);
}
