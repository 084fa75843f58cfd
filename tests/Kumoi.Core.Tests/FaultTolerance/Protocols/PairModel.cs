using Kumoi.FaultTolerance.Protocols;

namespace Kumoi.Tests.FaultTolerance.Protocols;

/// <summary>What is explored: the rules, to a depth. Each property that can be set breaks one of them.</summary>
internal sealed record PairModel
{
    public int MaxFaults { get; init; } = 2;

    public int MaxOutputs { get; init; } = 3;

    public Func<PairRecord, PairEvent, PairRecord> Apply { get; init; } = PairRules.Apply;

    /// <summary>A host that does not answer is taken for one that does not run the VM.</summary>
    public bool TakesSilenceForFenced { get; init; }

    /// <summary>The output goes out when the checkpoint is made, before it is committed.</summary>
    public bool ReleasesBeforeCommit { get; init; }

    /// <summary>All that the gate has goes out, not only what the checkpoint covers.</summary>
    public bool ReleasesAll { get; init; }

    /// <summary>A new controller goes on as if the one that has died had left it all output.</summary>
    public bool TrustsItsGate { get; init; }

    /// <summary>Checkpoints are in the memory of the backup host, and are lost with it.</summary>
    public bool KeepsInMemory { get; init; }

    /// <summary>The primary is fenced although the backup may not have the checkpoint any more.</summary>
    public bool FencesWithoutKeeper { get; init; }

    /// <summary>Output goes out while the checkpoint is still being revoked.</summary>
    public bool OpensWhileRevoking { get; init; }

    /// <summary>Lets out what the committed checkpoint covers and is not out yet.</summary>
    public PairWorld Release(PairWorld world)
    {
        if (world.Journal.Checkpoint is not { } mark)
        {
            return world;
        }

        var covered = ReleasesAll && world.Copies.TryGetValue(world.Journal.Primary, out var all)
            ? all
            : world.Checkpoints[mark.Number][..(int)mark.Cut];
        return world with
        {
            Seen = covered.Length > world.Seen.Length ? world.Seen + covered[world.Seen.Length..] : world.Seen,
            Checkpoints = world.Checkpoints.RemoveRange(world.Checkpoints.Keys.Where(number => number < mark.Number)),
            Keepers = world.Keepers.RemoveRange(world.Keepers.Keys.Where(number => number < mark.Number)),
        };
    }

    public PairWorld Made(PairWorld world) =>
        ReleasesBeforeCommit ? world with { Seen = world.Checkpoints[world.Checkpoints.Keys.Last()] } : world;
}
