using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>
/// libvirt-qemu: a domain's QEMU itself. Its events have its own time stamps; listening does not taint the domain, a command does.
/// </summary>
internal static unsafe partial class NativeQemu
{
    /// <summary>
    /// Has the QEMU events of a domain posted to <paramref name="listener"/> until deregistered. Returns the registration's id, or -1.
    /// </summary>
    public static int Register(ConnectionHandle connection, DomainHandle domain, IQemuListener listener)
    {
        var self = GCHandle.ToIntPtr(GCHandle.Alloc(listener));
        var id = virConnectDomainQemuMonitorEventRegister(connection, domain, null, &OnEvent, self, &Free, 0);
        if (id < 0)
        {
            GCHandle.FromIntPtr(self).Free();
        }

        return id;
    }

    /// <summary>QEMU's answer to a command, which is one too where it is an error; null: libvirt's error.</summary>
    public static string? Ask(DomainHandle domain, string command)
    {
        byte* answer = null;
        return virDomainQemuMonitorCommand(domain, command, &answer, 0) == 0 ? NativeString.Take(answer) : null;
    }

    [LibraryImport(LibvirtLibrary.QemuName)]
    public static partial int virConnectDomainQemuMonitorEventDeregister(ConnectionHandle connection, int id);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnEvent(nint connection, nint domain, byte* name, long seconds, uint microseconds, byte* details, nint self)
    {
        var at = DateTimeOffset.FromUnixTimeSeconds(seconds).AddMicroseconds(microseconds);
        ((IQemuListener)GCHandle.FromIntPtr(self).Target!).Post(
            Marshal.PtrToStringUTF8((nint)name) ?? "", at, Marshal.PtrToStringUTF8((nint)details) ?? "");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Free(nint self)
    {
        var handle = GCHandle.FromIntPtr(self);
        ((IQemuListener)handle.Target!).Released();
        handle.Free();
    }

    [LibraryImport(LibvirtLibrary.QemuName, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int virDomainQemuMonitorCommand(DomainHandle domain, string command, byte** result, uint flags);

    [LibraryImport(LibvirtLibrary.QemuName, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int virConnectDomainQemuMonitorEventRegister(
        ConnectionHandle connection,
        DomainHandle domain,
        string? name,
        delegate* unmanaged[Cdecl]<nint, nint, byte*, long, uint, byte*, nint, void> callback,
        nint opaque,
        delegate* unmanaged[Cdecl]<nint, void> free,
        uint flags);
}
