using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Kumoi.Journal;

/// <summary>
/// What tells a process of a Linux machine from all others with its id, whatever becomes of the clock: the machine, its boot
/// (/proc/sys/kernel/random/boot_id), the namespace that ids are counted in, and the start of the process in ticks since the boot
/// (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, starttime). Other systems have nothing of the kind that .NET would give.
/// </summary>
/// <param name="Machine">A hash of /etc/machine-id, which is not for others to know; empty: it has none.</param>
/// <param name="Boot">The id of the boot.</param>
/// <param name="Namespace">The id of the PID namespace.</param>
/// <param name="Ticks">The start of the process.</param>
internal sealed record ProcessStart(string Machine, string Boot, string Namespace, long Ticks)
{
    private static readonly Lazy<ProcessStart?> OfThis = new(Read);

    /// <summary>Of this process; null: this system does not tell.</summary>
    public static ProcessStart? Own => OfThis.Value;

    /// <summary>Reads what <see cref="ToString"/> has written; null: it is something else.</summary>
    public static ProcessStart? TryParse(string? text) =>
        text?.Split(':') is [var machine, var boot, var space, var ticks]
        && long.TryParse(ticks, NumberStyles.None, CultureInfo.InvariantCulture, out var start)
            ? new ProcessStart(machine, boot, space, start)
            : null;

    public override string ToString() => FormattableString.Invariant($"{Machine}:{Boot}:{Namespace}:{Ticks}");

    /// <summary>Whether the process with this id, and this start, runs; null: it cannot be told from here.</summary>
    /// <param name="processId">Its id.</param>
    /// <param name="own">The start of who asks.</param>
    /// <param name="isOfThisName">Whether its machine was called as this one is.</param>
    public bool? IsRunning(int processId, ProcessStart own, bool isOfThisName)
    {
        if (Boot != own.Boot)
        {
            // No process survives a boot. But without an id of its own, a machine of the same name may be another one.
            return isOfThisName && Machine.Length > 0 && Machine == own.Machine ? false : null;
        }

        // In another container the same id is another process, and this one is not to be seen from here.
        return Namespace != own.Namespace ? null
            : TicksOf(processId) is { } ticks ? ticks == Ticks
            : processId > 0 && IsThere(processId) ? null : false;
    }

    private static ProcessStart? Read()
    {
        if (!OperatingSystem.IsLinux())
        {
            return null;
        }

        try
        {
            return File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim() is { Length: > 0 } boot
                && File.ResolveLinkTarget("/proc/self/ns/pid", returnFinalTarget: false)?.Name is { } space
                && TicksOf(Environment.ProcessId) is { } ticks
                ? new ProcessStart(ReadMachine(), boot, new string([.. space.Where(char.IsAsciiDigit)]), ticks)
                : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string ReadMachine()
    {
        try
        {
            var id = File.ReadAllText("/etc/machine-id").Trim();
            return id.Length == 0 ? "" : Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("kumoi:" + id)))[..16];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>Null: there is no such process, or it is not ours to look at.</summary>
    private static long? TicksOf(int processId)
    {
        try
        {
            var stat = File.ReadAllText(FormattableString.Invariant($"/proc/{processId}/stat"));

            // The second field is the name in parentheses, which may hold anything; the start is the 22nd.
            return long.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[19], NumberStyles.None, CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or IndexOutOfRangeException)
        {
            return null;
        }
    }

    private static bool IsThere(int processId)
    {
        try
        {
            Process.GetProcessById(processId).Dispose();
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
