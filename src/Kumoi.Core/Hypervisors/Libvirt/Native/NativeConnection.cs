using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-host: connections.</summary>
internal static unsafe partial class NativeConnection
{
    /// <summary>
    /// virConnectOpenAuth with credential types that libvirt may fill from its auth.conf, and a callback that refuses to be asked:
    /// nobody is ever prompted. Returns 0 on failure.
    /// </summary>
    public static nint Open(string uri)
    {
        // user name, authentication name, passphrase, realm (virConnectCredentialType)
        int* types = stackalloc int[] { 1, 2, 5, 8 };
        var auth = new VirConnectAuth() { CredentialTypes = types, CredentialTypeCount = 4, Callback = &RefuseToAsk };
        return virConnectOpenAuth(uri, &auth, 0);
    }

    /// <summary>Runs <see cref="LossNotice"/> when the connection is lost. Drivers in this process do not support it.</summary>
    public static void RegisterCloseCallback(nint connection, LossNotice notice)
    {
        var self = GCHandle.ToIntPtr(GCHandle.Alloc(notice));
        if (virConnectRegisterCloseCallback(connection, &OnClosed, self, &NativeEvents.FreeHandle) != 0)
        {
            GCHandle.FromIntPtr(self).Free();
        }
    }

    public static void UnregisterCloseCallback(nint connection) => _ = virConnectUnregisterCloseCallback(connection, &OnClosed);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virConnectClose(nint connection);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virConnectIsAlive(ConnectionHandle connection);

    /// <summary>Interval in seconds. 1: the other side does not support it; -1: this driver does not.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virConnectSetKeepAlive(ConnectionHandle connection, int interval, uint count);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virConnectGetHostname(ConnectionHandle connection);

    /// <summary>The result is static and must not be freed.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virConnectGetType(ConnectionHandle connection);

    /// <summary>major * 1,000,000 + minor * 1,000 + release.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virConnectGetVersion(ConnectionHandle connection, CULong* version);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virConnectGetCapabilities(ConnectionHandle connection);

    /// <summary>
    /// libvirt-domain: what the hypervisor can give VMs of an architecture, a machine and a domain type; null: its default.
    /// </summary>
    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial byte* virConnectGetDomainCapabilities(
        ConnectionHandle connection, string? emulator, string architecture, string? machine, string domainType, uint flags);

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int RefuseToAsk(nint credentials, uint count, nint data) => -1;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void OnClosed(nint connection, int reason, nint self) =>
        ((LossNotice)GCHandle.FromIntPtr(self).Target!).Post((ConnectionLoss)reason);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint virConnectOpenAuth(string uri, VirConnectAuth* auth, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    private static partial int virConnectRegisterCloseCallback(
        nint connection,
        delegate* unmanaged[Cdecl]<nint, int, nint, void> callback,
        nint opaque,
        delegate* unmanaged[Cdecl]<nint, void> free);

    [LibraryImport(LibvirtLibrary.Name)]
    private static partial int virConnectUnregisterCloseCallback(
        nint connection,
        delegate* unmanaged[Cdecl]<nint, int, nint, void> callback);
}
