using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-host and libvirt-domain: what a host can run.</summary>
internal static unsafe partial class NativeCapabilities
{
    /// <summary>As virConnectGetVersion, of libvirt's daemon.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virConnectGetLibVersion(ConnectionHandle connection, CULong* version);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial byte* virConnectGetDomainCapabilities(
        ConnectionHandle connection, string? emulator, string? architecture, string? machine, string? domainType, uint flags);

    /// <summary>Returns virCPUCompareResult.</summary>
    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virConnectCompareCPU(ConnectionHandle connection, string cpu, uint flags);

    /// <inheritdoc cref="virConnectCompareCPU"/>
    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virConnectCompareHypervisorCPU(
        ConnectionHandle connection, string? emulator, string? architecture, string? machine, string? domainType, string cpu, uint flags);
}
