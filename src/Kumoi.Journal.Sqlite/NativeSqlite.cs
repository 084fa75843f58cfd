using System.Reflection;
using System.Runtime.InteropServices;

namespace Kumoi.Journal.Sqlite;

/// <summary>
/// Which SQLite is used: the one that came with the package, or else, where there is none for this machine, the system's.
/// <c>KUMOI_SQLITE</c> names another: the path or the name of a library, or <c>bundled</c>.
/// </summary>
/// <remarks>
/// Several sessions write one journal. Until version 3.51.3 that could, rarely, damage a file in WAL mode
/// (https://sqlite.org/wal.html#walresetbug), and the systems that administrators have bring older ones.
/// </remarks>
internal static class NativeSqlite
{
    /// <summary>The first with read-only WAL (https://sqlite.org/wal.html, "Read-Only Databases").</summary>
    private const int OldestVersion = 3_022_000;

    private const string Variable = "KUMOI_SQLITE";

    private static readonly Lazy<bool> Once = new(() =>
    {
        NativeLibrary.SetDllImportResolver(typeof(SQLitePCL.SQLite3Provider_e_sqlite3).Assembly, Resolve);
        SQLitePCL.Batteries_V2.Init();
        return true;
    });

    /// <summary>Before anything else of SQLite is touched.</summary>
    public static void Prepare() => _ = Once.Value;

    /// <summary>In the order in which they are tried.</summary>
    internal static IEnumerable<string> Candidates(string? chosen)
    {
        if (chosen is { Length: > 0 } and not "bundled")
        {
            // No other: who names a library means it.
            yield return chosen;
            yield break;
        }

        var file = OperatingSystem.IsWindows() ? "e_sqlite3.dll" : OperatingSystem.IsMacOS() ? "libe_sqlite3.dylib" : "libe_sqlite3.so";
        yield return Path.Combine(
            Path.GetDirectoryName(typeof(NativeSqlite).Assembly.Location)!, "runtimes", Platform(RuntimeInformation.RuntimeIdentifier),
            "native", file);
        if (chosen is not "bundled" && !(OperatingSystem.IsWindows() && RuntimeInformation.ProcessArchitecture is Architecture.X86))
        {
            // Windows' own has another calling convention in 32 bits.
            yield return OperatingSystem.IsMacOS()
                ? "libsqlite3.dylib" : OperatingSystem.IsWindows() ? "winsqlite3.dll" : "libsqlite3.so.0";
        }
    }

    /// <summary>
    /// The name of the package's folder. A .NET that a distribution has built itself calls itself by that, as in <c>debian.13-x64</c>.
    /// </summary>
    internal static string Platform(string runtime)
    {
        var architecture = runtime[(runtime.LastIndexOf('-') + 1)..];
        var system = runtime.StartsWith("win", StringComparison.Ordinal) ? "win"
            : runtime.StartsWith("osx", StringComparison.Ordinal) ? "osx"
            : runtime.Contains("musl", StringComparison.Ordinal) || runtime.StartsWith("alpine", StringComparison.Ordinal) ? "linux-musl"
            : "linux";
        return $"{system}-{architecture}";
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        foreach (var candidate in Candidates(Environment.GetEnvironmentVariable(Variable)))
        {
            if (NativeLibrary.TryLoad(candidate, out var library))
            {
                if (IsUsable(library))
                {
                    return library;
                }

                NativeLibrary.Free(library);
            }
        }

        throw new DllNotFoundException("No usable SQLite library was found.");
    }

    /// <summary>New enough, and built for more than one thread.</summary>
    private static unsafe bool IsUsable(nint library) =>
        NativeLibrary.TryGetExport(library, "sqlite3_libversion_number", out var version)
        && NativeLibrary.TryGetExport(library, "sqlite3_threadsafe", out var threadsafe)
        && ((delegate* unmanaged[Cdecl]<int>)version)() >= OldestVersion
        && ((delegate* unmanaged[Cdecl]<int>)threadsafe)() != 0;
}
