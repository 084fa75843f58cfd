namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>A virStreamPtr.</summary>
internal sealed class StreamHandle(nint pointer, ConnectionHandle connection) : ChildHandle(pointer, connection)
{
    protected override int Free(nint pointer) => NativeStream.virStreamFree(pointer);
}
