using System.Diagnostics;
using System.Globalization;

namespace Kumoi.Journal;

/// <summary>The process that an operation belongs to. Its start tells it from a later process with the same id.</summary>
public sealed record OperationOwner(int ProcessId, DateTimeOffset ProcessStartedAt, string Machine, string User)
{
    private static readonly Lazy<OperationOwner> Own = new(() =>
    {
        using var process = Process.GetCurrentProcess();

        // To the millisecond, as it is written down everywhere.
        var startedAt = DateTimeOffset.FromUnixTimeMilliseconds(new DateTimeOffset(process.StartTime).ToUnixTimeMilliseconds());
        return new OperationOwner(process.Id, startedAt, Environment.MachineName, Environment.UserName);
    });

    /// <summary>This process.</summary>
    public static OperationOwner Current => Own.Value;

    /// <summary>Whether that process still runs; null: it is, or was, on another machine, and nobody here knows.</summary>
    public bool? IsAlive
    {
        get
        {
            if (!string.Equals(Machine, Environment.MachineName, StringComparison.OrdinalIgnoreCase))
            {
                return null;
            }

            try
            {
                using var process = Process.GetProcessById(ProcessId);
                // Another process may have got the id since. The clock of the kernel has steps of 10 ms.
                return (new DateTimeOffset(process.StartTime) - ProcessStartedAt).Duration() < TimeSpan.FromSeconds(1);
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException)
            {
                return false;
            }
        }
    }

    /// <summary>For <see cref="TryParse"/>: what a VM's metadata can carry.</summary>
    public string ToToken() => FormattableString.Invariant($"{ProcessId}/{ProcessStartedAt.ToUnixTimeMilliseconds()}/{Machine}/{User}");

    /// <summary>Reads what <see cref="ToToken"/> has written; null: it is something else.</summary>
    public static OperationOwner? TryParse(string token)
    {
        var parts = token.Split('/', 4);
        return parts.Length == 4
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var process)
            && long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var started)
            ? new OperationOwner(process, DateTimeOffset.FromUnixTimeMilliseconds(started), parts[2], parts[3])
            : null;
    }

    public override string ToString() => $"{User}@{Machine}/{ProcessId}";
}
