using System.Runtime.InteropServices;

namespace Kumoi.Agents;

/// <summary>
/// Calls of the system that .NET does not have: who owns a file, who is at the other end of a socket, locks that die with their process.
/// </summary>
internal static unsafe partial class UnixCalls
{
    public const int LockExclusive = 2;
    public const int LockWithoutWaiting = 4;

    private const int CurrentFolder = -100;
    private const int NoFollowing = 0x100;
    private const int ThisDescriptor = 0x1000;
    private const uint BasicFields = 0x7ff;

    /// <summary>Owner and mode of what a path names (a link is not followed), or null: it cannot be looked at.</summary>
    public static (uint Owner, uint Mode)? Look(string path) => OperatingSystem.IsLinux()
        ? LookLinux(CurrentFolder, path, NoFollowing)
        : LookMac(path);

    /// <summary>Owner and mode of what is open, or null: it cannot be looked at.</summary>
    public static (uint Owner, uint Mode)? Look(int descriptor) => OperatingSystem.IsLinux()
        ? LookLinux(descriptor, "", ThisDescriptor)
        : LookMac(descriptor);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint EffectiveUser();

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Open(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Lock(int descriptor, int operation);

    [LibraryImport("libc", EntryPoint = "setsid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int BeginSession();

    [LibraryImport("libc", EntryPoint = "umask")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial uint SetMask(uint mask);

    [LibraryImport("libc", EntryPoint = "dup2")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Duplicate(int descriptor, int asDescriptor);

    /// <summary>Only for commands without an argument: for a variable number of them some systems have another convention.</summary>
    [LibraryImport("libc", EntryPoint = "fcntl")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int Control(int descriptor, int command);

    [LibraryImport("libc", EntryPoint = "getpeereid")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static partial int PeerOf(int descriptor, out uint user, out uint group);

    /// <summary>struct statx, which is the same on all machines (https://man7.org/linux/man-pages/man2/statx.2.html).</summary>
    private static (uint Owner, uint Mode)? LookLinux(int folder, string path, int flags)
    {
        var buffer = stackalloc byte[256];
        return StatX(folder, path, flags, BasicFields, buffer) == 0 ? (*(uint*)(buffer + 20), *(ushort*)(buffer + 28)) : null;
    }

    /// <summary>struct stat with 64-bit inodes: the mode is at 4, the owner at 16.</summary>
    private static (uint Owner, uint Mode)? LookMac(string path)
    {
        var buffer = stackalloc byte[256];
        var isX64 = RuntimeInformation.ProcessArchitecture is Architecture.X64;
        return (isX64 ? LookX64(path, buffer) : LookArm(path, buffer)) == 0 ? (*(uint*)(buffer + 16), *(ushort*)(buffer + 4)) : null;
    }

    private static (uint Owner, uint Mode)? LookMac(int descriptor)
    {
        var buffer = stackalloc byte[256];
        var isX64 = RuntimeInformation.ProcessArchitecture is Architecture.X64;
        return (isX64 ? LookX64(descriptor, buffer) : LookArm(descriptor, buffer)) == 0
            ? (*(uint*)(buffer + 16), *(ushort*)(buffer + 4)) : null;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int StatX(int folder, string path, int flags, uint fields, byte* buffer);

    [LibraryImport("libc", EntryPoint = "lstat$INODE64", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int LookX64(string path, byte* buffer);

    [LibraryImport("libc", EntryPoint = "lstat", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int LookArm(string path, byte* buffer);

    [LibraryImport("libc", EntryPoint = "fstat$INODE64")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int LookX64(int descriptor, byte* buffer);

    [LibraryImport("libc", EntryPoint = "fstat")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int LookArm(int descriptor, byte* buffer);
}
