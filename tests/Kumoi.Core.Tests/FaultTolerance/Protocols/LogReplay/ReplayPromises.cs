using Kumoi.FaultTolerance.Protocols;
using Kumoi.FaultTolerance.Protocols.LogReplay;
using static Kumoi.Tests.FaultTolerance.Protocols.LogReplay.ReplayPromise;

namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>Judges a world.</summary>
internal sealed class ReplayPromises(ReplayModel model)
{
    /// <summary>All that is broken in the world.</summary>
    public IEnumerable<ReplayPromise> Broken(ReplayWorld world)
    {
        if (world.RunsOnA && (world.Live is not null || world.JustPerformedOnB != 0 || world.WrittenOnB != 0))
        {
            yield return TwoServe;
        }

        if (world is { RunsOnA: false, Backup: null, Live: null, Faults: < 2 })
        {
            yield return VMLost;
        }

        if (IsContradicted(world))
        {
            yield return Contradicted;
        }

        if (IsOutOfOrder(world))
        {
            yield return OutOfOrder;
        }

        if (IsRepeated(world))
        {
            yield return Repeated;
        }

        if (world.Live is { } live && Misses(world, live.LastPerformed) || HasServedOnA(world) && Misses(world, world.Primary!.LastPerformed))
        {
            yield return Lost;
        }
    }

    /// <summary>How often the outside got what it had.</summary>
    public static int Repeats(ReplayWorld world) => world.Seen.Count - world.Seen.DistinctBy(static output => output.Id).Count();

    /// <summary>
    /// What is broken in a world in which nothing can happen any more. A VM that ran alone when its outputs were lost goes on without them;
    /// one whose messages are lost waits.
    /// </summary>
    public IEnumerable<ReplayPromise> BrokenAtEnd(ReplayWorld world) =>
        model.MixesMessages || world.Journal.Phase is PairPhase.Lost || IsDone(world.Live) || IsDone(world.Primary)
            || world is { HasLostGate: true, Journal.Phase: PairPhase.Unprotected, Faults: > 1 }
            ? []
            : [Stuck];

    /// <summary>
    /// How often the outside got the output, and whether that was the same each time, in a world in which nothing can happen any more.
    /// </summary>
    public static string Fate(ReplayWorld world, long id)
    {
        var states = world.Seen.Where(output => output.Id == id).Select(static output => output.State).ToList();
        return IsContradicted(world) ? "contradicted" : states.Count switch
        {
            _ when world.Journal.Phase is PairPhase.Lost => "the VM is lost",
            0 when world.Live is { } live && live.LastPerformed >= id => "lost",
            0 => "never",
            1 => "once",
            2 => "twice",
            _ => $"{states.Count} times",
        };
    }

    private bool IsDone(ReplayPrimary? side) =>
        side is { Held.IsEmpty: true } && side.LastPerformed == model.MaxOutputs;

    /// <summary>What comes later comes from a state that was given what the state before was given.</summary>
    private static bool IsContradicted(ReplayWorld world) => world.Seen.Any(one => world.Seen.Any(
        other => one.Id == other.Id ? one.State != other.State : one.Id < other.Id && !other.State.StartsWith(one.State, StringComparison.Ordinal)));

    private static bool IsOutOfOrder(ReplayWorld world)
    {
        var last = 0L;
        for (var at = 0; at < world.Seen.Count; at++)
        {
            var id = world.Seen[at].Id;
            if (id < last && !world.Seen.Take(at).Any(before => before.Id == id))
            {
                return true;
            }

            last = Math.Max(last, id);
        }

        return false;
    }

    private bool IsRepeated(ReplayWorld world) =>
        Repeats(world) > (model.ForbidsRepeats ? 0 : world.AllowedRepeats) || Enumerable.Range(1, Math.Max(world.Seen.Count - 1, 0)).Any(
            at => world.Seen[at - 1].Id != world.Seen[at].Id && world.Seen.Take(at).Any(before => before.Id == world.Seen[at].Id));

    private static bool Misses(ReplayWorld world, long lastPerformed)
    {
        for (var id = 1L; id <= lastPerformed; id++)
        {
            if (!world.Seen.Any(output => output.Id == id))
            {
                return true;
            }
        }

        return false;
    }

    private static bool HasServedOnA(ReplayWorld world) => world is { RunsOnA: true, Primary: not null };
}
