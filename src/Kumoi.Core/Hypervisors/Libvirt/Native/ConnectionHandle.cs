using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>
/// An open virConnectPtr. Handles of domains and volumes hold a reference on it, so it is closed after the last of them.
/// </summary>
internal sealed class ConnectionHandle : SafeHandle
{
    private static int _liveCount;
    private static int _openedCount;
    private static int _uncleanCloseCount;

    public ConnectionHandle(nint connection)
        : base(0, ownsHandle: true)
    {
        SetHandle(connection);
        Interlocked.Increment(ref _liveCount);
        Interlocked.Increment(ref _openedCount);
    }

    /// <summary>Open connections of this process. For tests.</summary>
    public static int LiveCount => Volatile.Read(ref _liveCount);

    /// <summary>How many connections this process has opened, also those that are closed again. For tests.</summary>
    public static int OpenedCount => Volatile.Read(ref _openedCount);

    /// <summary>How often virConnectClose did not return 0, that is: somebody still held a reference. For tests.</summary>
    public static int UncleanCloseCount => Volatile.Read(ref _uncleanCloseCount);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        // The registration holds a reference on the connection, so it goes first; failing (there is none) is fine.
        NativeConnection.UnregisterCloseCallback(handle);
        var isClean = NativeConnection.virConnectClose(handle) == 0;
        if (!isClean)
        {
            Interlocked.Increment(ref _uncleanCloseCount);
        }

        Interlocked.Decrement(ref _liveCount);
        return isClean;
    }
}
