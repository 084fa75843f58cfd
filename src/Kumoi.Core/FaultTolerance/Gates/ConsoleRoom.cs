using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Kumoi.FaultTolerance.Gates;

/// <summary>
/// Gives more room to the socket by which a QEMU puts out: that of Linux takes some 270 bytes that are written one by one, as a serial port
/// does, and whoever reads it may have to wait for a processor for longer than a guest needs for these.
/// </summary>
/// <remarks>
/// The room is counted at the sender, so it is the sender's own socket that is told: the one of its descriptors that is connected to our
/// path. Nothing else of that process is touched. Who may not do that (another user; ptrace_scope) leaves it as it is; what helps then is
/// net.core.wmem_default. Source: pidfd_getfd(2), socket(7), unix(7).
/// </remarks>
internal static partial class ConsoleRoom
{
    /// <summary>Some 40,000 bytes that are written one by one (768 bytes of room each, and the kernel doubles what it is told).</summary>
    internal const int Bytes = 16 << 20;

    private const int SocketLevel = 1; // SOL_SOCKET
    private const int SendRoom = 7; // SO_SNDBUF: as much as the system lets anybody have
    private const int SendRoomForced = 32; // SO_SNDBUFFORCE: with CAP_NET_ADMIN, as much as is asked for
    private const long GetDescriptor = 438; // pidfd_getfd, the same number on all machines
    private const int MostAddress = 128; // struct sockaddr_un has 110

    /// <summary>False: it could not be given.</summary>
    /// <param name="process">The sender, by its id and by a descriptor of it.</param>
    /// <param name="path">Where it is connected to.</param>
    public static bool Give((int Id, SafeFileHandle Handle) process, string path)
    {
        var given = false;
        foreach (var descriptor in SocketsOf(process.Id))
        {
            using var socket = new SafeFileHandle(
                (nint)Get(GetDescriptor, process.Handle.DangerousGetHandle(), descriptor, 0), ownsHandle: true);
            given |= !socket.IsInvalid && PeerOf(socket) == path && Set(socket);
        }

        return given;
    }

    private static bool Set(SafeFileHandle socket)
    {
        var bytes = Bytes;
        var number = (int)socket.DangerousGetHandle();
        return SetOption(number, SocketLevel, SendRoomForced, ref bytes, sizeof(int)) == 0
            || SetOption(number, SocketLevel, SendRoom, ref bytes, sizeof(int)) == 0;
    }

    private static List<int> SocketsOf(int process)
    {
        try
        {
            return
            [
                .. new DirectoryInfo($"/proc/{process}/fd").EnumerateFiles()
                    .Where(static file => file.LinkTarget?.StartsWith("socket:", StringComparison.Ordinal) is true)
                    .Select(static file => int.TryParse(file.Name, out var number) ? number : -1)
                    .Where(static number => number >= 0),
            ];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // it has ended, or is another user's
        }
    }

    /// <summary>The path that a socket is connected to; empty: none, or it is another kind of socket.</summary>
    private static string PeerOf(SafeFileHandle socket)
    {
        Span<byte> address = stackalloc byte[MostAddress];
        var length = address.Length;
        if (GetPeer((int)socket.DangerousGetHandle(), ref MemoryMarshal.GetReference(address), ref length) != 0
            || length <= sizeof(short) || MemoryMarshal.Read<short>(address) != (short)AddressFamily.Unix)
        {
            return "";
        }

        var path = address[sizeof(short)..Math.Min(length, address.Length)];
        return path.IndexOf((byte)0) is >= 0 and var end ? Encoding.UTF8.GetString(path[..end]) : Encoding.UTF8.GetString(path);
    }

    [LibraryImport("libc", EntryPoint = "syscall")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial long Get(long call, nint process, long descriptor, long flags);

    [LibraryImport("libc", EntryPoint = "getpeername")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int GetPeer(int socket, ref byte address, ref int length);

    [LibraryImport("libc", EntryPoint = "setsockopt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetOption(int socket, int level, int name, ref int value, int length);
}
