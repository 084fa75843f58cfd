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

    /// <summary>As virStreamRecv; -3 at a hole, where <paramref name="flags"/> has VIR_STREAM_RECV_STOP_AT_HOLE.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStreamRecvFlags(StreamHandle stream, byte* data, nuint size, uint flags);

    /// <summary>How long the hole is that comes next; 0: none comes.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStreamRecvHole(StreamHandle stream, long* length, uint flags);

    /// <summary>How many bytes were taken, which may be fewer; -1 on an error.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStreamSend(StreamHandle stream, byte* data, nuint size);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStreamSendHole(StreamHandle stream, long length, uint flags);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStreamFinish(StreamHandle stream);

    [LibraryImport(LibvirtLibrary.Name)]
    public static partial int virStreamAbort(StreamHandle stream);

    /// <summary>The result is the picture's MIME type, and the caller's.</summary>
    [LibraryImport(LibvirtLibrary.Name)]
    public static partial byte* virDomainScreenshot(DomainHandle domain, StreamHandle stream, uint screen, uint flags);
}
