namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>A virStoragePoolPtr.</summary>
internal sealed class StoragePoolHandle(nint pointer, ConnectionHandle connection) : ChildHandle(pointer, connection)
{
    protected override int Free(nint pointer) => NativeStorage.virStoragePoolFree(pointer);
}
