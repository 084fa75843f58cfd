using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Kumoi.Agents;

/// <summary>
/// The agent's folder, in the folder of its journal: socket, lock and log. It is its user's and nobody else's. It is held open, so that
/// what was checked is what is used, whatever becomes of the path.
/// </summary>
public sealed class AgentFolder : IDisposable
{
    private const string SocketName = "agent.sock";
    private const string LockName = "agent.lock";
    private const string LogName = "agent.log";
    private const uint FileKind = 0xF000;
    private const uint FolderKind = 0x4000;
    private const uint Others = 0x3F;

    /// <summary>The room for a socket's path in the system's structure, less its end.</summary>
    private const int LongestMacPath = 103;
    private readonly int _descriptor;

    private AgentFolder(string path, int descriptor)
    {
        Path = path;
        _descriptor = descriptor;
    }

    public string Path { get; }

    /// <summary>The path of the socket as an admin knows it.</summary>
    public string Socket => System.IO.Path.Combine(Path, SocketName);

    public string Log => System.IO.Path.Combine(Path, LogName);

    /// <summary>
    /// Where the socket is bound and connected to. Linux takes 107 bytes: by way of the open folder any path is short enough, and it is the
    /// folder that was checked.
    /// </summary>
    internal UnixDomainSocketEndPoint EndPoint => new(ShortSocket);

    internal string ShortSocket => OperatingSystem.IsLinux()
        ? FormattableString.Invariant($"/proc/self/fd/{_descriptor}/{SocketName}")
        : Socket;

    /// <summary>Where the agent of a journal has its folder.</summary>
    public static string Of(string journalFolder) => System.IO.Path.Combine(System.IO.Path.GetFullPath(journalFolder), "agent");

    /// <summary>The folder of a journal's agent; null: there is none yet.</summary>
    /// <exception cref="AgentException">It is not ours alone.</exception>
    public static AgentFolder? Find(string journalFolder)
    {
        EnsureSystem();
        var path = Of(journalFolder);
        return UnixCalls.Look(path) is null && !System.IO.Path.Exists(path) ? null : Open(path);
    }

    /// <summary>The folder of a journal's agent, which is made if it is not there.</summary>
    /// <exception cref="AgentException">It could not be made, or is not ours alone.</exception>
    public static AgentFolder Make(string journalFolder)
    {
        EnsureSystem();
        var path = Of(journalFolder);
        const UnixFileMode own = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        try
        {
#pragma warning disable CA1416 // Not on Windows: EnsureSystem.
            Directory.CreateDirectory(journalFolder, own);
            Directory.CreateDirectory(path, own);
#pragma warning restore CA1416
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new AgentException(
                $"The agent's folder {path} cannot be made: {e.Message}", AgentError.StartFailed,
                $"Make it possible, or set {Journal.JournalFolder.Variable} to a folder of yours.", e);
        }

        return Open(path);
    }

    /// <summary>Whether its path leads to it. Else somebody has removed it, and who looks for the agent finds another one.</summary>
    internal bool IsInPlace => UnixCalls.Look(Path)?.Inode is { } inode && inode == UnixCalls.Look(_descriptor)?.Inode;

    /// <summary>Removes the socket of this folder. One at the same path in another folder is another agent's.</summary>
    internal void RemoveSocket()
    {
        try
        {
            if (OperatingSystem.IsLinux() || IsInPlace)
            {
                File.Delete(ShortSocket);
            }
        }
        catch (IOException)
        {
            // The folder itself is gone.
        }
    }

    /// <summary>Takes the lock that an agent holds as long as it lives; null: another one has it.</summary>
    internal AgentLock? TryLock() => AgentLock.TryTake(System.IO.Path.Combine(Path, LockName));

    public void Dispose() => _ = UnixCalls.Close(_descriptor);

    private static AgentFolder Open(string path)
    {
        // Looked at before it is opened: a pipe in its place would wait for a writer.
        Check(path, UnixCalls.Look(path));
        var closeOnExec = OperatingSystem.IsLinux() ? 0x80000 : 0x1000000;
        var descriptor = UnixCalls.Open(path, closeOnExec, 0);
        if (descriptor < 0)
        {
            var error = Marshal.GetLastPInvokeErrorMessage();
            throw NotOurs(path, $"cannot be opened: {error}");
        }

        var folder = new AgentFolder(path, descriptor);
        try
        {
            Check(path, UnixCalls.Look(descriptor));
            if (!OperatingSystem.IsLinux() && System.Text.Encoding.UTF8.GetByteCount(folder.Socket) > LongestMacPath)
            {
                throw new AgentException(
                    $"The path of the agent's socket is longer than this system takes: {folder.Socket}", AgentError.NotSupported,
                    $"Set {Journal.JournalFolder.Variable} to a folder with a shorter path.");
            }

            return folder;
        }
        catch
        {
            folder.Dispose();
            throw;
        }
    }

    private static void Check(string path, FileLook? found)
    {
        if (found is not { } seen)
        {
            throw NotOurs(path, "cannot be looked at.");
        }

        if ((seen.Mode & FileKind) != FolderKind)
        {
            throw NotOurs(path, "is no folder.");
        }

        if (seen.Owner != UnixCalls.EffectiveUser())
        {
            throw NotOurs(path, FormattableString.Invariant($"belongs to another user (uid {seen.Owner})."));
        }

        if ((seen.Mode & Others) != 0)
        {
            throw new AgentException(
                $"The agent's folder {path} is open to other users (mode {Convert.ToString(seen.Mode & 0x1FF, 8)}).", AgentError.NotOurs,
                $"See what others have put there, and close it: chmod 700 '{path}'");
        }
    }

    private static AgentException NotOurs(string path, string what) => new(
        $"The agent's folder {path} {what}", AgentError.NotOurs,
        $"Remove it if nobody needs it, or set {Journal.JournalFolder.Variable} to a folder of yours. Each user has a journal and an "
            + "agent of his own.");

    private static void EnsureSystem()
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS())
        {
            throw new AgentException(
                "The agent runs on Linux and macOS.", AgentError.NotSupported,
                "Leave out -Persistent, and keep the session open; or do this in a session on Linux or macOS.");
        }
    }
}
