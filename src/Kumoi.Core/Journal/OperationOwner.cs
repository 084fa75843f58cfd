using System.Diagnostics;
using System.Globalization;

namespace Kumoi.Journal;

/// <summary>
/// The process that an operation belongs to. <see cref="Start"/> tells it from all others, also after the clock was set; where that is not
/// known, the time of its start does, as far as clocks can.
/// </summary>
public sealed record OperationOwner(int ProcessId, DateTimeOffset ProcessStartedAt, string Machine, string User)
{
    private static readonly Lazy<OperationOwner> Own = new(() =>
    {
        using var process = Process.GetCurrentProcess();

        // To the millisecond, as it is written down everywhere.
        var startedAt = DateTimeOffset.FromUnixTimeMilliseconds(new DateTimeOffset(process.StartTime).ToUnixTimeMilliseconds());
        return new OperationOwner(process.Id, startedAt, Environment.MachineName,
            Environment.UserName)
        {
            Start = ProcessStart.Own?.ToString(),
        };
    });

    /// <summary>This process.</summary>
    public static OperationOwner Current => Own.Value;

    /// <summary>Where and when it was started, by counters that nobody sets (<see cref="ProcessStart"/>); null: not known here.</summary>
    public string? Start { get; init; }

    /// <summary>Whether that process still runs; null: nobody here can tell. It is, or was, on another machine, say.</summary>
    public bool? IsAlive => Start is null
        ? IsOfThisName ? IsRunningByItsTime() : null
        : ProcessStart.TryParse(Start) is { } start && ProcessStart.Own is { } own ? start.IsRunning(ProcessId, own, IsOfThisName) : null;

    private bool IsOfThisName => string.Equals(Machine, Environment.MachineName, StringComparison.OrdinalIgnoreCase);

    /// <summary>For <see cref="TryParse"/>: what a VM's metadata can carry.</summary>
    public string ToToken() =>
        FormattableString.Invariant($"{ProcessId}/{ProcessStartedAt.ToUnixTimeMilliseconds()}/{Machine}/{User}")
            + (Start is null ? "" : "/" + Start);

    /// <summary>Reads what <see cref="ToToken"/> has written; null: it is something else.</summary>
    public static OperationOwner? TryParse(string token)
    {
        var parts = token.Split('/', 5);
        return parts.Length >= 4
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var process)
            && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var started)
            ? new OperationOwner(process, DateTimeOffset.FromUnixTimeMilliseconds(started), parts[2],
                parts[3])
            {
                Start = parts.ElementAtOrDefault(4),
            }
            : null;
    }

    private bool? IsRunningByItsTime()
    {
        try
        {
            using var process = Process.GetProcessById(ProcessId);

            // The clock of the kernel has steps of 10 ms.
            if ((new DateTimeOffset(process.StartTime) - ProcessStartedAt).Duration() < TimeSpan.FromSeconds(1))
            {
                return true;
            }

            // Windows notes the time when a process starts: then this is another one, which has got the id since. Others reckon it from the
            // clock as it is now: the same process has another time when the clock was set.
            return OperatingSystem.IsWindows() ? false : null;
        }
        catch (ArgumentException)
        {
            return false;
        }
        catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            // It has just ended, or is not ours to look at.
            return null;
        }
    }

    public override string ToString() => $"{User}@{Machine}/{ProcessId}";
}
