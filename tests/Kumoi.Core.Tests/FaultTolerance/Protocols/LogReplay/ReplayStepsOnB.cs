using System.Collections.Immutable;
using Kumoi.FaultTolerance.Protocols.LogReplay;
using ReplayStep = Kumoi.Tests.FaultTolerance.Protocols.Step<Kumoi.Tests.FaultTolerance.Protocols.LogReplay.ReplayWorld>;

namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>What the replica does by itself, what is done with its outputs, and what it does once it is live.</summary>
internal sealed class ReplayStepsOnB(ReplayModel model)
{
    public IEnumerable<ReplayStep> After(ReplayWorld world) => world.Live is { } live ? Live(world, live) : Replay(world);

    /// <summary>What was held is performed, and each written down.</summary>
    public IEnumerable<ReplayStep> Perform(ReplayWorld world, ReplayBackup side)
    {
        if (world.JustPerformedOnB != 0)
        {
            yield return new ReplayStep($"b writes down that output {world.JustPerformedOnB} is performed", world with
            {
                Backup = side.Perform(world.JustPerformedOnB),
                HeldOnB = world.HeldOnB.RemoveAt(0),
                JustPerformedOnB = 0,
                WrittenOnB = model.ForgetsPerformed ? 0 : world.JustPerformedOnB,
            });
        }
        else if (side.Next is { } id)
        {
            var state = world.HeldOnB[0];
            yield return new ReplayStep(
                $"b performs {ReplayWorld.Name(id, state)}", model.See(world, id, state) with { JustPerformedOnB = id });
        }
    }

    private static IEnumerable<ReplayStep> Replay(ReplayWorld world)
    {
        if (world.Backup is { Ahead: [var next, ..] } side)
        {
            var after = side.Replay();
            var isHeld = after.Held is [.., var last] && last == (next as LogMessage.Output)?.Id;
            var dropped = side.Held is [var behind] && !after.Held.Contains(behind) ? $"; output {behind} is behind it, and dropped" : "";
            var putsOut = next is LogMessage.Output output ? Outcome(output.Id, world.StateOnB, isHeld) : "";
            yield return new ReplayStep(
                $"b replays message {next.Number}{putsOut}{dropped}",
                world with
                {
                    Backup = after,
                    StateOnB = next is LogMessage.Events ? world.StateOnB + "a" : world.StateOnB,
                    HeldOnB = Kept(world, side, after, isHeld),
                });
        }
    }

    private static string Outcome(long id, string state, bool isHeld) =>
        $": the replica puts out {ReplayWorld.Name(id, state)}, which is {(isHeld ? "held" : "dropped")}";

    private static ImmutableArray<string> Kept(ReplayWorld world, ReplayBackup before, ReplayBackup after, bool isHeld)
    {
        var kept = world.HeldOnB.RemoveRange(0, before.Held.Count - (after.Held.Count - (isHeld ? 1 : 0)));
        return isHeld ? kept.Add(world.StateOnB) : kept;
    }

    private IEnumerable<ReplayStep> Live(ReplayWorld world, ReplayPrimary side)
    {
        if (!world.StateOnB.Contains('b', StringComparison.Ordinal))
        {
            yield return new ReplayStep(
                "the VM on b is given an event", world with { Live = side.Record(out _), StateOnB = world.StateOnB + "b" });
        }

        if (!side.MustWait && side.LastPerformed + side.Held.Count < model.MaxOutputs)
        {
            var after = side.Hold(out _);
            yield return new ReplayStep(
                $"the VM on b puts out {ReplayWorld.Name(after.Held[^1].Id, world.StateOnB)}",
                world with { Live = after, HeldOnB = world.HeldOnB.Add(world.StateOnB) });
        }

        if (side.Next is { } id)
        {
            var after = side.Perform(id, out _);
            yield return new ReplayStep(
                $"b performs {ReplayWorld.Name(id, world.HeldOnB[0])}",
                model.See(world, id, world.HeldOnB[0]) with { Live = after, HeldOnB = world.HeldOnB.RemoveAt(0) });
        }
    }
}
