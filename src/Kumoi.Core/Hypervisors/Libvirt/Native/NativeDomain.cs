using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-domain: looking up, reading and changing domains. Pointers are borrowed, handles are owned.</summary>
internal static unsafe partial class NativeDomain
{
    public const int UuidLength = 16;

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainFree(nint domain);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial nint virDomainLookupByUUID(ConnectionHandle connection, byte* uuid);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint virDomainLookupByName(ConnectionHandle connection, string name);

    /// <summary>The result belongs to the domain object.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virDomainGetName(nint domain);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainGetUUID(nint domain, byte* uuid);

    /// <summary>
    /// Another number for each run of a domain, as it was when the object was got; uint.MaxValue while it is off. Makes no call.
    /// </summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial uint virDomainGetID(nint domain);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainGetInfo(nint domain, VirDomainInfo* info);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainGetState(DomainHandle domain, int* state, int* reason, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainIsActive(DomainHandle domain);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainIsPersistent(nint domain);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virConnectListAllDomains(ConnectionHandle connection, nint** domains, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virConnectGetAllDomainStats(
        ConnectionHandle connection, uint stats, VirDomainStatsRecord*** records, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainListGetStats(nint* domains, uint stats, VirDomainStatsRecord*** records, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial void virDomainStatsRecordListFree(VirDomainStatsRecord** records);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virDomainGetXMLDesc(DomainHandle domain, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial byte* virDomainGetMetadata(DomainHandle domain, int type, string? uri, uint flags);

    /// <summary>Sets the one element of a namespace, or, without <paramref name="metadata"/>, removes it.</summary>
    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virDomainSetMetadata(DomainHandle domain, int type, string? metadata, string? key, string? uri, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainHasManagedSaveImage(nint domain, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainManagedSave(DomainHandle domain, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainManagedSaveRemove(DomainHandle domain, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virDomainManagedSaveGetXMLDesc(DomainHandle domain, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virDomainRestoreFlags(ConnectionHandle connection, string path, string? xml, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial byte* virDomainSaveImageGetXMLDesc(ConnectionHandle connection, string path, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainGetAutostart(nint domain, int* autostart);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainSetAutostart(DomainHandle domain, int autostart);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint virDomainDefineXMLFlags(ConnectionHandle connection, string xml, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint virDomainCreateXML(ConnectionHandle connection, string xml, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainGetVcpusFlags(DomainHandle domain, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainSetVcpusFlags(DomainHandle domain, uint count, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainSetMemoryFlags(DomainHandle domain, CULong kibibytes, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virDomainRename(DomainHandle domain, string name, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainUndefineFlags(DomainHandle domain, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainCreateWithFlags(DomainHandle domain, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainShutdown(DomainHandle domain);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainDestroy(DomainHandle domain);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainReboot(DomainHandle domain, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainReset(DomainHandle domain, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainSuspend(DomainHandle domain);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainResume(DomainHandle domain);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainPMWakeup(DomainHandle domain, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virDomainAttachDeviceFlags(DomainHandle domain, string xml, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virDomainDetachDeviceFlags(DomainHandle domain, string xml, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virDomainUpdateDeviceFlags(DomainHandle domain, string xml, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virDomainGetBlockInfo(DomainHandle domain, string disk, VirDomainBlockInfo* info, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virDomainSetBlockIoTune(
        DomainHandle domain, string disk, VirTypedParameter* parameters, int count, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virDomainBlockResize(DomainHandle domain, string disk, ulong size, uint flags);
}
