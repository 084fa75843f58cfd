using System.Reflection;
using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>
/// Finds and loads libvirt's client library, and prepares it once per process: no output on stderr, event loop running.
/// </summary>
internal static class LibvirtLibrary
{
    /// <summary>The logical name that every <c>[LibraryImport]</c> of this driver uses.</summary>
    public const string Name = "libvirt";

    /// <summary>The logical name of libvirt's library for what only QEMU has; it comes with the other one.</summary>
    public const string QemuName = "libvirt-qemu";

    /// <summary>Environment variable with the path of the library, for places where the loader does not find it.</summary>
    public const string OverrideVariable = "KUMOI_LIBVIRT";

    private static readonly Lock Gate = new();
    private static nint _library;
    private static nint _qemuLibrary;
    private static bool _resolverIsSet;
    private static bool _isReady;

    private static string SystemName =>
        OperatingSystem.IsWindows() ? "libvirt-0.dll" : OperatingSystem.IsMacOS() ? "libvirt.0.dylib" : "libvirt.so.0";

    public static bool IsReady => Volatile.Read(ref _isReady);

    /// <summary>As <see cref="EnsureReady"/>, for a thread that nobody hears: whatever fails is told by the call that needs the library.</summary>
    public static void TryEnsureReady()
    {
        try
        {
            EnsureReady();
        }
#pragma warning disable CA1031, RCS1075 // an exception here would end the process, also one of a library that lacks a function
        catch (Exception)
#pragma warning restore CA1031, RCS1075
        {
            // It is tried again, and told, when a connection is opened.
        }
    }

    /// <summary>Makes the library usable. Fails with <see cref="HypervisorError.LibraryMissing"/>; a later call tries again.</summary>
    public static void EnsureReady()
    {
        if (IsReady)
        {
            return;
        }

        lock (Gate)
        {
            if (_isReady)
            {
                return;
            }

            if (_library == 0)
            {
                _library = Load(Environment.GetEnvironmentVariable(OverrideVariable));
            }

            if (!_resolverIsSet)
            {
                NativeLibrary.SetDllImportResolver(typeof(LibvirtLibrary).Assembly, Resolve);
                _resolverIsSet = true;
            }

            LibvirtLog.Silence();
            NativeError.Silence();
            EventLoop.Start();
            Volatile.Write(ref _isReady, true);
        }
    }

    /// <summary>Makes the library of <see cref="QemuName"/> usable. Fails with <see cref="HypervisorError.LibraryMissing"/>.</summary>
    public static void RequireQemu()
    {
        EnsureReady();
        lock (Gate)
        {
            if (_qemuLibrary == 0)
            {
                // Where the other one was found, under the name that it has beside it.
                var path = Environment.GetEnvironmentVariable(OverrideVariable);
                var name = SystemName.Replace(Name, QemuName, StringComparison.Ordinal);
                _qemuLibrary = Load(string.IsNullOrEmpty(path) ? name : Path.Combine(Path.GetDirectoryName(path) ?? "", name));
            }
        }
    }

    /// <summary>Whether the library, which is ready, has a function of that name.</summary>
    public static bool Exports(string function) => NativeLibrary.TryGetExport(_library, function, out _);

    /// <summary>Loads the library from <paramref name="overridePath"/> if given, else under the system's name for it.</summary>
    internal static nint Load(string? overridePath)
    {
        var name = string.IsNullOrEmpty(overridePath) ? SystemName : overridePath;
        if (Locate(name) is { } path && NativeLibrary.TryLoad(path, out var handle))
        {
            return handle;
        }

        var message = string.IsNullOrEmpty(overridePath)
            ? $"libvirt's client library ({name}) is not installed."
            : $"libvirt's client library could not be loaded from '{name}', which {OverrideVariable} names.";
        throw new HypervisorException(
            message,
            FaultDomain.Unknown,
            error: HypervisorError.LibraryMissing,
            recommendedAction:
                "Install it: 'sudo apt install libvirt0' (Debian, Ubuntu), 'sudo dnf install libvirt-libs' (Fedora, RHEL), "
                + $"'brew install libvirt' (macOS). If it is installed elsewhere, set {OverrideVariable} to its full path.");
    }

    /// <summary>
    /// What to load for a name. The loaders of Windows and macOS look for a bare name in the current folder too, where anybody may have put
    /// a file of that name: there it is looked for here, and loaded by its full path.
    /// </summary>
    private static string? Locate(string name)
    {
        if (Path.IsPathFullyQualified(name))
        {
            return name;
        }

        return OperatingSystem.IsWindows()
            ? FindIn([Environment.SystemDirectory, .. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)], name)
            : OperatingSystem.IsMacOS() ? FindIn(["/opt/homebrew/lib", "/usr/local/lib", "/opt/local/lib", "/usr/lib"], name)
            : name;
    }

    /// <summary>
    /// The file in the first folder that has it; null if none has. Folders that depend on the current one do not count.
    /// </summary>
    internal static string? FindIn(IEnumerable<string> folders, string file) =>
        folders.Select(static folder => folder.Trim().Trim('"')).Where(Path.IsPathFullyQualified)
            .Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);

    private static nint Resolve(string libraryName, Assembly assembly, DllImportSearchPath? searchPath) =>
        libraryName switch
        {
            Name => _library,
            QemuName => _qemuLibrary,
            _ => 0,
        };
}
