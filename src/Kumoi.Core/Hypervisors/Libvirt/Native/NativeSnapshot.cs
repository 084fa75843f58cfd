using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-domain-snapshot, and the block jobs of libvirt-domain that merge the files of snapshots.</summary>
internal static unsafe partial class NativeSnapshot
{
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainSnapshotNum(DomainHandle domain, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainListAllSnapshots(DomainHandle domain, nint** snapshots, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint virDomainSnapshotLookupByName(DomainHandle domain, string name, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virDomainSnapshotGetXMLDesc(SnapshotHandle snapshot, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainSnapshotIsCurrent(SnapshotHandle snapshot, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainSnapshotFree(nint snapshot);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint virDomainSnapshotCreateXML(DomainHandle domain, string xml, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainRevertToSnapshot(SnapshotHandle snapshot, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virDomainSnapshotDelete(SnapshotHandle snapshot, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virDomainBlockCommit(
        DomainHandle domain, string disk, string? @base, string? top, CULong bandwidth, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virDomainBlockCopy(
        DomainHandle domain, string disk, string to, VirTypedParameter* parameters, int count, uint flags);

    /// <summary>1: there is a job; 0: there is none.</summary>
    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virDomainGetBlockJobInfo(DomainHandle domain, string disk, VirDomainBlockJobInfo* info, uint flags);

    [LibraryImport(LibvirtLibrary.Name, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int virDomainBlockJobAbort(DomainHandle domain, string disk, uint flags);
}
