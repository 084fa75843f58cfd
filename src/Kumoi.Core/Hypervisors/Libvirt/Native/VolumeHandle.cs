namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>A virStorageVolPtr.</summary>
internal sealed class VolumeHandle(nint pointer, ConnectionHandle connection) : ChildHandle(pointer, connection)
{
    protected override int Free(nint pointer) => NativeStorage.virStorageVolFree(pointer);
}
