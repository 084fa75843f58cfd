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

        if ((world.Live ?? world.Primary) is { } serving && Misses(world, serving.LastPerformed))
        {
            yield return Lost;
        }
    }

    /// <summary>How often the outside got what it had.</summary>
    public static int Repeats(ReplayWorld world) => world.Seen.Length - world.Seen.DistinctBy(static output => output.Id).Count();

    /// <summary>
    /// What is broken in a world in which nothing can happen any more. A VM that runs alone and has lost its gate goes on without what that
    /// held; one whose messages are lost waits.
    /// </summary>
    public IEnumerable<ReplayPromise> BrokenAtEnd(ReplayWorld world) =>
        model.MixesMessages || world.Journal.Phase is PairPhase.Lost || IsDone(world.Live) || IsDone(world.Primary)
            || world is { RunsOnA: true, Primary: null, Journal.Phase: PairPhase.Unprotected, Faults: > 1 }
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

    private bool IsDone(ReplayPrimary? side) => side is { Held.IsEmpty: true } && side.LastPerformed == model.MaxOutputs;

    /// <summary>An output came from a state that is not the one before, given more.</summary>
    private static bool IsContradicted(ReplayWorld world) =>
        world.Seen.Any(one => world.Seen.Any(other => one.Id <= other.Id && !Follows(other, one)));

    private static bool Follows((long Id, string State) later, (long Id, string State) one) =>
        later.Id == one.Id ? later.State == one.State : later.State.StartsWith(one.State, StringComparison.Ordinal);

    private static bool IsOutOfOrder(ReplayWorld world)
    {
        var last = 0L;
        for (var at = 0; at < world.Seen.Length; at++)
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
        Repeats(world) > (model.ForbidsRepeats ? 0 : world.AllowedRepeats) || Enumerable.Range(1, Math.Max(world.Seen.Length - 1, 0)).Any(
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
}
