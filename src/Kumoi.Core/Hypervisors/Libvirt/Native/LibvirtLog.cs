using System.Runtime.InteropServices;

namespace Kumoi.Hypervisors.Libvirt.Native;

/// <summary>
/// libvirt's client library logs warnings on stderr, in the midst of the terminal, such as that this computer's own name does not resolve.
/// It reads where to log from the environment, once, when it is initialized (https://libvirt.org/logging.html); .NET's environment is a
/// copy that it does not see.
/// </summary>
internal static unsafe partial class LibvirtLog
{
    public const string Outputs = "LIBVIRT_LOG_OUTPUTS";

    private static readonly string[] Variables = ["LIBVIRT_DEBUG", "LIBVIRT_LOG_FILTERS", Outputs];

    /// <summary>Nothing is logged, unless the user has said what shall be. Before anything else is asked of the library.</summary>
    public static void Silence()
    {
        var isAsked = false;
        foreach (var variable in Variables)
        {
            if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value)
            {
                isAsked = true;
                Set(variable, value); // also what was set in this process, as by $env:
            }
        }

        if (!isAsked)
        {
            // A file takes what has no other output. On Windows only errors are left, of which the library logs hardly any.
            Set(OperatingSystem.IsWindows() ? "LIBVIRT_DEBUG" : Outputs, OperatingSystem.IsWindows() ? "4" : "4:file:/dev/null");
        }
    }

    /// <summary>As the library sees it; null: not set. For tests.</summary>
    internal static string? Read(string variable) => OperatingSystem.IsWindows() ? null : Marshal.PtrToStringUTF8((nint)getenv(variable));

    private static void Set(string variable, string value)
    {
        if (OperatingSystem.IsWindows())
        {
            _ = _putenv_s(variable, value);
        }
        else
        {
            _ = setenv(variable, value, 1);
        }
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string variable, string value, int overwrite);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial byte* getenv(string variable);

    [LibraryImport("msvcrt", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int _putenv_s(string variable, string value);
}
