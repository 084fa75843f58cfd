using System.Diagnostics;

namespace Kumoi.Journal;

/// <summary>The process that an operation belongs to. Its start tells it from a later process with the same id.</summary>
public sealed record OperationOwner(int ProcessId, DateTimeOffset ProcessStartedAt, string Machine, string User)
{
    private static readonly Lazy<OperationOwner> Own = new(() =>
    {
        using var process = Process.GetCurrentProcess();
        return new OperationOwner(process.Id, new DateTimeOffset(process.StartTime), Environment.MachineName, Environment.UserName);
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

    public override string ToString() => $"{User}@{Machine}/{ProcessId}";
}
