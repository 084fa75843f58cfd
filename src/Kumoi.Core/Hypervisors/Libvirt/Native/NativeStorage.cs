using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-storage: pools and volumes.</summary>
internal static unsafe partial class NativeStorage
{
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStoragePoolFree(nint pool);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStorageVolFree(nint volume);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint virStoragePoolLookupByName(ConnectionHandle connection, string name);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virConnectListAllStoragePools(ConnectionHandle connection, nint** pools, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStoragePoolListAllVolumes(StoragePoolHandle pool, nint** volumes, uint flags);

    /// <summary>The result belongs to the volume object.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virStorageVolGetName(VolumeHandle volume);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStoragePoolIsActive(StoragePoolHandle pool);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStoragePoolRefresh(StoragePoolHandle pool, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virStoragePoolGetXMLDesc(StoragePoolHandle pool, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint virStorageVolLookupByName(StoragePoolHandle pool, string name);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint virStorageVolLookupByPath(ConnectionHandle connection, string path);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint virStorageVolCreateXML(StoragePoolHandle pool, string xml, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial nint virStoragePoolLookupByVolume(VolumeHandle volume);

    /// <summary>The result belongs to the pool object.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virStoragePoolGetName(StoragePoolHandle pool);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virStorageVolGetXMLDesc(VolumeHandle volume, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint virStorageVolCreateXMLFrom(StoragePoolHandle pool, string xml, VolumeHandle original, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virStorageVolGetPath(VolumeHandle volume);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStorageVolDelete(VolumeHandle volume, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStorageVolResize(VolumeHandle volume, ulong capacity, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStoragePoolGetAutostart(StoragePoolHandle pool, int* autostart);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStorageVolUpload(VolumeHandle volume, StreamHandle stream, ulong offset, ulong length, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStorageVolDownload(VolumeHandle volume, StreamHandle stream, ulong offset, ulong length, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStoragePoolGetUUID(StoragePoolHandle pool, byte* uuid);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial nint virStoragePoolLookupByUUID(ConnectionHandle connection, byte* uuid);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint virStoragePoolDefineXML(ConnectionHandle connection, string xml, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStoragePoolBuild(StoragePoolHandle pool, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStoragePoolCreate(StoragePoolHandle pool, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStoragePoolDestroy(StoragePoolHandle pool);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStoragePoolUndefine(StoragePoolHandle pool);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStoragePoolIsPersistent(StoragePoolHandle pool);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStoragePoolSetAutostart(StoragePoolHandle pool, int autostart);
}
