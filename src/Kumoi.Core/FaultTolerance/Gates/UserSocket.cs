using System.Net.Sockets;

namespace Kumoi.FaultTolerance.Gates;

/// <summary>A Unix socket that QEMUs of this computer connect to, for this user only.</summary>
internal static class UserSocket
{
    /// <summary>Listens at once.</summary>
    /// <param name="path">A file that is there is replaced: it is of a dead controller, because the pair has one only.</param>
    public static Socket Listen(string path)
    {
        File.Delete(path);
        var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(path));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite); // nobody can connect before it listens
        }

        listener.Listen();
        return listener;
    }
}
