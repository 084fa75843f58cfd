using System.Collections.Immutable;
using Kumoi.FaultTolerance.Protocols;

namespace Kumoi.Tests.FaultTolerance.Protocols;

/// <summary>Walks every world of a pair, and looks for a broken promise.</summary>
internal sealed class PairExplorer(PairModel model)
{
    private readonly WorldExplorer<PairWorld> _explorer = new(static world => world.Key, new PairSteps(model).After);

    /// <summary>How many different worlds there were.</summary>
    public int Count => _explorer.Count;

    /// <summary>How often each phase was reached.</summary>
    public Dictionary<PairPhase, int> Phases { get; } = [];

    /// <summary>The way to a broken promise, in words; null: every promise holds in every world.</summary>
    public string? FindBroken()
    {
        var first = new PairWorld
        {
            Journal = new PairRecord(PairPhase.Starting, "a", "b", null),
            Copies = ImmutableSortedDictionary<string, string>.Empty.Add("a", ""),
        };
        foreach (var (at, world, _) in _explorer.Walk(first).Where(static walked => !walked.IsEnd))
        {
            Phases[world.Journal.Phase] = Phases.GetValueOrDefault(world.Journal.Phase) + 1;
            if (BrokenPromise(world) is { } broken)
            {
                return $"{broken}:{Environment.NewLine}"
                    + string.Join(Environment.NewLine, _explorer.WayTo(at).Select(static step => $"{step.What} → {step.World}"));
            }
        }

        return null;
    }

    /// <summary>There is something of the VM that the record says it can go on from.</summary>
    private bool HasCheckpoint(PairWorld world) => model.KeepsInMemory
        ? world.Keepers.ContainsKey(world.Journal.LastNumber)
        : world.Journal.Checkpoint is { } mark && world.Checkpoints.ContainsKey(mark.Number);

    private string? BrokenPromise(PairWorld world)
    {
        if (world.Copies.Keys.Count(world.Runs) > 1)
        {
            return "The VM runs twice";
        }

        if (world.HasEndedTheLast)
        {
            return "The last copy of the VM is ended";
        }

        var record = world.Journal;
        if (record.IsOver)
        {
            return record.Phase is PairPhase.Lost && (world.Copies.Count > 0 || world.Keepers.ContainsKey(record.LastNumber))
                ? "A VM that is there is given up"
                : null;
        }

        if (record.Phase is not (PairPhase.Starting or PairPhase.Unprotected) && world.Copies.Count == 0 && !HasCheckpoint(world)
            && !(model.KeepsInMemory && world.Faults > 1)) // then both hosts may be lost
        {
            return "The VM is lost although it was protected";
        }

        if (world.HasGap)
        {
            return world.RanAlone ? null : "Output is skipped";
        }

        // Whatever goes on from here begins with what the outside has seen.
        var goesOn = world.Copies.Values.ToList();
        if (record.Checkpoint is { } last)
        {
            if (!world.Checkpoints.TryGetValue(last.Number, out var covered))
            {
                return "A checkpoint that counts is not there";
            }

            if (HasCheckpoint(world))
            {
                goesOn.Add(covered);
            }
        }

        return goesOn.FirstOrDefault(output => !output.StartsWith(world.Seen, StringComparison.Ordinal)) is { } other
            ? $"Seen was '{world.Seen}', which is contradicted by '{other}'"
            : null;
    }
}
