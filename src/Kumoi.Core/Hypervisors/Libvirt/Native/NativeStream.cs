using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>libvirt-stream, and what reads through one.</summary>
internal static unsafe partial class NativeStream
{
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial nint virStreamNew(ConnectionHandle connection, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStreamFree(nint stream);

    /// <summary>How many bytes were read; 0 at the end, -1 on an error.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStreamRecv(StreamHandle stream, byte* data, nuint size);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStreamFinish(StreamHandle stream);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStreamAbort(StreamHandle stream);

    /// <summary>The result is the picture's MIME type, and the caller's.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virDomainScreenshot(DomainHandle domain, StreamHandle stream, uint screen, uint flags);
}
