using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-network, libvirt-interface and libvirt-nwfilter: what a VM's network cards are connected to.</summary>
internal static unsafe partial class NativeNetwork
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

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virConnectListAllNetworks(ConnectionHandle connection, nint** networks, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virConnectListAllNWFilters(ConnectionHandle connection, nint** filters, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virNWFilterGetXMLDesc(nint filter, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virNWFilterFree(nint filter);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial nint virNetworkLookupByUUID(ConnectionHandle connection, byte* uuid);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virNetworkGetXMLDesc(NetworkHandle network, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virNetworkIsActive(NetworkHandle network);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virNetworkIsPersistent(NetworkHandle network);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virNetworkGetAutostart(NetworkHandle network, int* autostart);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virNetworkSetAutostart(NetworkHandle network, int autostart);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint virNetworkDefineXML(ConnectionHandle connection, string xml);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virNetworkCreate(NetworkHandle network);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virNetworkDestroy(NetworkHandle network);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virNetworkUndefine(NetworkHandle network);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virNetworkGetDHCPLeases(NetworkHandle network, byte* mac, VirNetworkDhcpLease*** leases, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial void virNetworkDHCPLeaseFree(VirNetworkDhcpLease* lease);

    /// <summary>libvirt-domain. The array and each of its elements are the caller's.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainInterfaceAddresses(
        DomainHandle domain, VirDomainInterface*** interfaces, uint source, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial void virDomainInterfaceFree(VirDomainInterface* one);
}
