using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Kumoi.Journal.Sqlite;

/// <summary>
/// Folders whose entries survive a power loss. A file's own flush does not write the name by which it is found: that is its folder's
/// (https://man7.org/linux/man-pages/man2/fsync.2.html). Windows writes names in order by itself.
/// </summary>
internal static partial class DurableFolder
{
    private const UnixFileMode OnlyUser = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    /// <summary>
    /// Makes a folder that only its user can read, and those above it. Returns the folders that have got entries by it, from below.
    /// </summary>
    public static IReadOnlyList<string> Create(string folder)
    {
        var grown = new List<string>();
        for (var made = folder; !Directory.Exists(made) && Path.GetDirectoryName(made) is { } parent; made = parent)
        {
            grown.Add(parent);
        }

        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(folder);
        }
        else
        {
            Directory.CreateDirectory(folder, OnlyUser);
        }

        return grown;
    }

    /// <summary>When this returns, the names in the folder are on the disk, as far as its file system can say.</summary>
    public static void Flush(string folder)
    {
        if (!OperatingSystem.IsWindows())
        {
            FlushUnix(folder);
        }
    }

    [UnsupportedOSPlatform("windows")]
    private static void FlushUnix(string folder)
    {
        // A folder that cannot be opened, or a file system without it, gives no better.
        if (Open(folder, 0) is >= 0 and var descriptor)
        {
            _ = Fsync(descriptor);
            _ = Close(descriptor);
        }
    }

    // .NET opens no folders.
    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int descriptor);
}
