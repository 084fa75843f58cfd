using System.Net.Sockets;

namespace Kumoi.Agents;

/// <summary>Who is at the other end of a unix socket, as the kernel says.</summary>
internal static class SocketPeer
{
    private const int SocketLevel = 1;
    private const int PeerCredentials = 17;

    /// <summary>Whether it is this process' user.</summary>
    public static bool IsOurs(Socket socket) => UserOf(socket) is { } user && user == UnixCalls.EffectiveUser();

    /// <summary>Its user's number; null: it is not known.</summary>
    private static uint? UserOf(Socket socket)
    {
        if (!OperatingSystem.IsLinux())
        {
            return UnixCalls.PeerOf((int)socket.Handle, out var peer, out _) == 0 ? peer : null;
        }

        // struct ucred: process, user and group, 32 bits each (https://man7.org/linux/man-pages/man7/unix.7.html, SO_PEERCRED).
        Span<byte> credentials = stackalloc byte[12];
        try
        {
            return socket.GetRawSocketOption(SocketLevel, PeerCredentials, credentials) == credentials.Length
                ? BitConverter.ToUInt32(credentials[4..]) : null;
        }
        catch (SocketException)
        {
            return null;
        }
    }
}
