using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>An object of a connection. Holds a reference on the connection, so that it cannot be closed under it.</summary>
internal abstract class ChildHandle : SafeHandle
{
    private readonly ConnectionHandle _connection;

    protected ChildHandle(nint pointer, ConnectionHandle connection)
        : base(0, ownsHandle: true)
    {
        var isAdded = false;
        connection.DangerousAddRef(ref isAdded);
        _connection = connection;
        SetHandle(pointer);
    }

    public override bool IsInvalid => handle == 0;

    protected abstract int Free(nint pointer);

    protected sealed override bool ReleaseHandle()
    {
        var isFreed = Free(handle) == 0;
        _connection.DangerousRelease();
        return isFreed;
    }
}
