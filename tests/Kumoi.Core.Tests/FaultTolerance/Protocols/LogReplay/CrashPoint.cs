using Kumoi.FaultTolerance.Protocols.LogReplay;

namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>A moment in the life of an output n, the last one that the VM on a has put out, and what fails then.</summary>
internal sealed class CrashPoint
{
    private readonly Func<ReplayWorld, long, bool> _isThen;
    private readonly ReplayFault _fault;

    private CrashPoint(string name, ReplayFault fault, Func<ReplayWorld, long, bool> isThen)
    {
        Name = name;
        _fault = fault;
        _isThen = isThen;
    }

    /// <summary>In the order of an output's life.</summary>
    public static IReadOnlyList<CrashPoint> All { get; } =
    [
        new("a loses its power: b has not got marker n, a has not performed n", ReplayFault.PrimaryPower,
            static (world, n) => !IsReceived(world, n) && !IsSeen(world, n)),
        new("a loses its power: b has not got marker n, a has performed n", ReplayFault.PrimaryPower,
            static (world, n) => !IsReceived(world, n) && IsSeen(world, n)),
        new("a loses its power: b has marker n, its acknowledgement is lost", ReplayFault.PrimaryPower,
            static (world, n) => IsReceived(world, n) && !IsAcknowledged(world, n) && !IsSeen(world, n)),
        new("a loses its power: marker n is acknowledged, a has not performed n", ReplayFault.PrimaryPower, IsBeforePerforming),
        new("a loses its power: a has performed n, b is not told", ReplayFault.PrimaryPower, IsUntold),
        new("a loses its power: b is told that n is performed", ReplayFault.PrimaryPower, IsTold),
        new("a's gate is lost and its VM is not: n is held", ReplayFault.PrimaryGate, static (world, n) => !IsSeen(world, n)),
        new("a's gate is lost and its VM is not: a has performed n, b is not told", ReplayFault.PrimaryGate, IsUntold),
        new("b loses its power: a waits with n for the acknowledgement", ReplayFault.BackupPower, IsWaiting),
        new("the channel breaks: a waits with n for the acknowledgement", ReplayFault.Channel, IsWaiting),
        new("a loses its power before it performs n, and b's process dies: draining, n is not performed", ReplayFault.BackupGate,
            static (world, n) => !IsSeen(world, n)) { IsSecond = true },
        new("the same: b has performed n, and not written it down", ReplayFault.BackupGate,
            static (world, n) => world.JustPerformedOnB == n) { IsSecond = true },
        new("the same: b has written down that n is performed", ReplayFault.BackupGate,
            static (world, n) => world.WrittenOnB == n) { IsSecond = true },
        new("the same, and b's host loses its power while draining", ReplayFault.BackupPower, static (_, _) => true) { IsSecond = true },
    ];

    public string Name { get; }

    /// <summary>Before it, a has lost its power: the output was acknowledged, and not performed. It is while b drains the log.</summary>
    private bool IsSecond { get; init; }

    public int Faults => IsSecond ? 2 : 1;

    public static long LastOutput(ReplayWorld world) => world.Primary is { } side ? side.LastPerformed + side.Held.Count : 0;

    /// <summary>Whether that is what fails at this moment.</summary>
    public bool Is(ReplayWorld world, ReplayFault fault)
    {
        if (world.Faults == 1)
        {
            return IsSecond && fault == _fault && world.Backup is { IsDraining: true } && _isThen(world, world.Watched);
        }

        var n = LastOutput(world);
        return n != 0 && (IsSecond
            ? fault is ReplayFault.PrimaryPower && IsBeforePerforming(world, n)
            : fault == _fault && _isThen(world, n));
    }

    private static LogMessage.Output? Marker(ReplayWorld world, long n) =>
        world.Log.OfType<LogMessage.Output>().FirstOrDefault(output => output.Id == n);

    private static bool IsReceived(ReplayWorld world, long n) => Marker(world, n) is not null;

    private static bool IsAcknowledged(ReplayWorld world, long n) => Marker(world, n)?.Number <= world.Primary!.Acknowledged;

    private static bool IsSeen(ReplayWorld world, long n) => world.Seen.Any(output => output.Id == n);

    private static bool IsTold(ReplayWorld world, long n) => world.Log.OfType<LogMessage.Performed>().Any(told => told.Id == n);

    private static bool IsUntold(ReplayWorld world, long n) => IsReceived(world, n) && IsSeen(world, n) && !IsTold(world, n);

    private static bool IsBeforePerforming(ReplayWorld world, long n) => IsAcknowledged(world, n) && !IsSeen(world, n);

    private static bool IsWaiting(ReplayWorld world, long n) => !IsAcknowledged(world, n) && !IsSeen(world, n);
}
