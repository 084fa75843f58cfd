namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>A virNetworkPtr.</summary>
internal sealed class NetworkHandle(nint pointer, ConnectionHandle connection) : ChildHandle(pointer, connection)
{
    protected override int Free(nint pointer) => NativeNetwork.virNetworkFree(pointer);
}
