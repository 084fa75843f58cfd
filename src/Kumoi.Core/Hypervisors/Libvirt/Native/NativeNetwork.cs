using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-network and libvirt-interface: what a VM's network cards are connected to.</summary>
internal static partial class NativeNetwork
{
    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint virNetworkLookupByName(ConnectionHandle connection, string name);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virNetworkIsActive(nint network);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virNetworkFree(nint network);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint virInterfaceLookupByName(ConnectionHandle connection, string name);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virInterfaceFree(nint networkInterface);
}
