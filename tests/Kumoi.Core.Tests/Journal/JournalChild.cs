using System.Diagnostics;

namespace Kumoi.Tests.Journal;

/// <summary>Starts tests/Kumoi.Journal.Child.</summary>
internal static class JournalChild
{
    private const string Writing = "pwrite64,fsync,fdatasync,ftruncate,rename,renameat,renameat2,unlink,unlinkat,openat,fallocate,mkdir";

    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "Kumoi.Journal.Child.dll");

    public static Process Start(string what, string folder, params (string Name, string Value)[] environment) =>
        Start(Environment.ProcessPath!, ["exec", Program, what, folder], environment);

    public static (int Status, string Output) Run(string what, string folder, params (string Name, string Value)[] environment) =>
        Finish(Start(what, folder, environment));

    /// <summary>As a user without rights; null if such a user cannot start it here. Needs root.</summary>
    public static (int Status, string Output)? RunAsNobody(string what, string folder)
    {
        string[] become = ["--reuid=65534", "--regid=65534", "--clear-groups", Environment.ProcessPath!, "exec", Program];
        using var probe = Start("/usr/bin/setpriv", [.. become, "read", "/nowhere"], []);
        return Finish(probe).Status == 0 ? Finish(Start("/usr/bin/setpriv", [.. become, what, folder], [])) : null;
    }

    /// <summary>With its flushes and renames in a file, as strace writes them; null: strace may not look here.</summary>
    public static (int Status, string Output)? RunTraced(string log, string what, string folder)
    {
        string[] trace = ["-f", "-y", "-qq", "-s", "300", "-e", "trace=fsync,fdatasync,rename,renameat,renameat2", "-o", log];
        using var probe = Start("/usr/bin/strace", [.. trace, "/bin/true"], []);
        return Finish(probe).Status == 0
            ? Finish(Start("/usr/bin/strace", [.. trace, Environment.ProcessPath!, "exec", Program, what, folder], [])) : null;
    }

    /// <summary>
    /// Appends one event, and is killed at the entry of this call, 1, 2, …, of those that write to files; null: strace may not look here.
    /// </summary>
    public static (int Status, string Output)? RunKilledAt(int call, string folder)
    {
        // Of the thread that writes the journal; when is a 16-bit number.
        string[] trace =
        [
            "-f", "-qq", "-o", "/dev/null", "-e", $"trace={Writing}", "-P", folder, "-P", Path.Combine(folder, "journal.db.new"),
            "-P", Path.Combine(folder, "journal.db"), "-P", Path.Combine(folder, "journal.db-wal"), "-P",
            Path.Combine(folder, "journal.db.new-wal"),
            "-P", Path.Combine(folder, "journal.db.new-journal"),
            "-e", $"inject={Writing}:signal=KILL:when={Math.Min(call, 65535)}",
        ];
        using var probe = Start("/usr/bin/strace", ["-f", "-qq", "-o", "/dev/null", "/bin/true"], []);
        return Finish(probe).Status == 0
            ? Finish(Start("/usr/bin/strace", [.. trace, Environment.ProcessPath!, "exec", Program, "append-one", folder], []))
            : null;
    }

    private static Process Start(string program, string[] arguments, (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true
        };
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        start.Environment["DOTNET_TieredPGO"] = "0";
        start.Environment["DOTNET_EnableDiagnostics"] = "0"; // who is killed leaves the files of its debugger's port in /tmp
        return Process.Start(start)!;
    }

    private static (int Status, string Output) Finish(Process process)
    {
        using (process)
        {
            process.ErrorDataReceived += static (_, _) => { };
            process.BeginErrorReadLine();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output);
        }
    }
}
