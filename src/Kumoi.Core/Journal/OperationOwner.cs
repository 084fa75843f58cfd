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

    public override string ToString() => $"{User}@{Machine}/{ProcessId}";
}
