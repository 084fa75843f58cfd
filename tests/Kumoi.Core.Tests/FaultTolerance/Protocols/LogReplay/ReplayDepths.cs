using System.Collections.Concurrent;

namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>How far the rule of pairs is walked.</summary>
internal static class ReplayDepths
{
    private static readonly ConcurrentDictionary<int, Lazy<ReplayWalk>> Walked = new();

    public static IReadOnlyList<ReplayModel> All { get; } =
    [
        new() { MaxFaults = 1, MaxOutputs = 3, MaxEvents = 1, MaxHeld = 2 },
        new() { MaxFaults = 1, MaxOutputs = 2, MaxEvents = 2, MaxHeld = 2 },
        new() { MaxFaults = 2, MaxOutputs = 2, MaxEvents = 1, MaxHeld = 2 },
        new() { MaxFaults = 3, MaxOutputs = 2, MaxEvents = 1, MaxHeld = 2 },
    ];

    /// <summary>What came out. It is walked once, for whoever asks.</summary>
    public static ReplayWalk Walk(int depth) =>
        Walked.GetOrAdd(depth, static depth => new Lazy<ReplayWalk>(() => ReplayWalk.Through(All[depth]))).Value;
}
