using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-event and the lifecycle events of libvirt-domain. Callbacks run on the thread of <see cref="EventLoop"/>.</summary>
internal static unsafe partial class NativeEvents
{
    private const int LifecycleEventId = 0;

    /// <summary>Has lifecycle events posted to <paramref name="feed"/> until deregistered. Returns the registration's id, or -1.</summary>
    public static int RegisterLifecycle(ConnectionHandle connection, ILifecycleListener feed)
    {
        var self = GCHandle.ToIntPtr(GCHandle.Alloc(feed));
        var id = virConnectDomainEventRegisterAny(connection, 0, LifecycleEventId, &OnLifecycle, self, &FreeFeed);
        if (id < 0)
        {
            GCHandle.FromIntPtr(self).Free();
        }

        return id;
    }

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virConnectDomainEventDeregisterAny(ConnectionHandle connection, int id);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virEventRegisterDefaultImpl();

    /// <summary>Waits for events and timeouts, and runs their callbacks.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virEventRunDefaultImpl();

    /// <summary>A timeout that is due at once and goes off one single time, in a later round of the event loop than this one.</summary>
    public static bool PostToLoop(TaskCompletionSource reached)
    {
        var self = GCHandle.ToIntPtr(GCHandle.Alloc(reached));
        if (virEventAddTimeout(0, &OnTimeout, self, &FreeHandle) >= 0)
        {
            return true;
        }

        GCHandle.FromIntPtr(self).Free();
        return false;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    public static void FreeHandle(nint self) => GCHandle.FromIntPtr(self).Free();

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void FreeFeed(nint self)
    {
        var handle = GCHandle.FromIntPtr(self);
        ((ILifecycleListener)handle.Target!).Released();
        handle.Free();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnLifecycle(nint connection, nint domain, int kind, int detail, nint self)
    {
        byte* uuid = stackalloc byte[NativeDomain.UuidLength];
        var id = NativeDomain.virDomainGetUUID(domain, uuid) == 0
            ? new Guid(new ReadOnlySpan<byte>(uuid, NativeDomain.UuidLength), bigEndian: true)
            : Guid.Empty;
        var name = Marshal.PtrToStringUTF8((nint)NativeDomain.virDomainGetName(domain)) ?? "";
        ((ILifecycleListener)GCHandle.FromIntPtr(self).Target!).Post(id, name, kind, detail);
        return 0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnTimeout(int timer, nint self)
    {
        ((TaskCompletionSource)GCHandle.FromIntPtr(self).Target!).TrySetResult();
        _ = virEventRemoveTimeout(timer);
    }

    [LibraryImport(LibvirtLibrary.Name)]
    private static partial int virConnectDomainEventRegisterAny(
        ConnectionHandle connection,
        nint domain,
        int eventId,
        delegate* unmanaged[Cdecl]<nint, nint, int, int, nint, int> callback,
        nint opaque,
        delegate* unmanaged[Cdecl]<nint, void> free);

    [LibraryImport(LibvirtLibrary.Name)]
    private static partial int virEventAddTimeout(
        int milliseconds,
        delegate* unmanaged[Cdecl]<int, nint, void> callback,
        nint opaque,
        delegate* unmanaged[Cdecl]<nint, void> free);

    [LibraryImport(LibvirtLibrary.Name)]
    private static partial int virEventRemoveTimeout(int timer);
}
