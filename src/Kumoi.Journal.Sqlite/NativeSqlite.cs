using System.Reflection;
using System.Runtime.InteropServices;

namespace Kumoi.Journal.Sqlite;

/// <summary>
/// Which SQLite is used: the system's, which its distribution keeps up to date, or else the one that came with the package.
/// <c>KUMOI_SQLITE</c> names another: the path of a library, or <c>bundled</c>.
/// </summary>
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

        if (chosen is not "bundled")
        {
            if (OperatingSystem.IsMacOS())
            {
                yield return "libsqlite3.dylib";
            }
            else if (!OperatingSystem.IsWindows())
            {
                yield return "libsqlite3.so.0";
            }
            else if (RuntimeInformation.ProcessArchitecture is not Architecture.X86)
            {
                // In 32 bits it has another calling convention.
                yield return "winsqlite3.dll";
            }
        }

        var file = OperatingSystem.IsWindows() ? "e_sqlite3.dll" : OperatingSystem.IsMacOS() ? "libe_sqlite3.dylib" : "libe_sqlite3.so";
        yield return Path.Combine(
            Path.GetDirectoryName(typeof(NativeSqlite).Assembly.Location)!, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", file);
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
