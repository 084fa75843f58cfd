using System.Collections.Immutable;
using Kumoi.FaultTolerance.Protocols.LogReplay;
using ReplayStep = Kumoi.Tests.FaultTolerance.Protocols.Step<Kumoi.Tests.FaultTolerance.Protocols.LogReplay.ReplayWorld>;

namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>All that can happen next: a step of the VM, of one of the sides, of the channel, of the controller, a fault.</summary>
internal sealed class ReplaySteps(ReplayModel model)
{
    private readonly ReplayController _controller = new(model);
    private readonly ReplayFaults _faults = new(model);

    public IEnumerable<ReplayStep> After(ReplayWorld world) =>
        OnA(world).Concat(Channel(world)).Concat(OnB(world)).Concat(Live(world)).Concat(_controller.After(world)).Concat(_faults.After(world));

    /// <summary>An output in words.</summary>
    public static string Name(long id, string state) => state.Length == 0 ? $"{id}" : $"{id}[{state}]";

    private IEnumerable<ReplayStep> OnA(ReplayWorld world)
    {
        if (!world.RunsOnA || world.Primary is not { } side)
        {
            yield break;
        }

        if (world.StateOnA.Length < model.MaxEvents)
        {
            var after = side.Record(out var message);
            yield return new ReplayStep(
                $"the VM on a is given an event{Number(message)}",
                Send(world with { Primary = after, StateOnA = world.StateOnA + "a" }, message));
        }

        if (!side.MustWait && side.LastPerformed + side.Held.Count < model.MaxOutputs)
        {
            var after = side.Hold(out var message);
            yield return new ReplayStep(
                $"the VM on a puts out {Name(after.Held[^1].Id, world.StateOnA)}, which is held{Number(message)}",
                Send(world with { Primary = after, HeldOnA = world.HeldOnA.Add(world.StateOnA) }, message));
        }

        if (world.JustPerformedOnA != 0)
        {
            var after = side.Perform(world.JustPerformedOnA, out var message);
            yield return new ReplayStep(
                message is null ? $"a notes that output {world.JustPerformedOnA} is performed"
                    : $"a notes that output {world.JustPerformedOnA} is performed, and tells b{Number(message)}",
                Send(world with { Primary = after, HeldOnA = world.HeldOnA.RemoveAt(0), JustPerformedOnA = 0 }, message));
        }
        else if (side.Next is { } id)
        {
            yield return new ReplayStep(
                $"a performs {Name(id, world.HeldOnA[0])}", See(world, id, world.HeldOnA[0]) with { JustPerformedOnA = id });
        }
    }

    private static string Number(LogMessage? message) => message is null ? "" : $" (message {message.Number})";

    private ReplayWorld Send(ReplayWorld world, LogMessage? message)
    {
        if (message is null)
        {
            return world;
        }

        var sent = world.IsChannelBroken ? world : world with { ToB = world.ToB.Add(message) };
        return model.TakesSentForAcknowledged ? sent with { Primary = sent.Primary!.Acknowledge(message.Number) } : sent;
    }

    private ReplayWorld See(ReplayWorld world, long id, string state) =>
        model.OutsideDropsKnown && id <= world.LastSeen ? world : world with { Seen = world.Seen.Add((id, state)) };

    private IEnumerable<ReplayStep> Channel(ReplayWorld world)
    {
        for (var at = 0; at < (model.MixesMessages ? world.ToB.Count : Math.Min(world.ToB.Count, 1)); at++)
        {
            var message = world.ToB[at];
            var rest = world with { ToB = world.ToB.RemoveAt(at) };
            if (world.Backup is { } backup)
            {
                yield return Receive(rest, backup, message);
                if (model.MixesMessages && world.Log.Count < 2 * model.MaxOutputs + model.MaxEvents) // where each is taken there is no end
                {
                    yield return Receive(world, backup, message);
                }
            }

            if (model.MixesMessages)
            {
                yield return new ReplayStep($"message {message.Number} is lost", rest);
            }
        }

        for (var at = 0; at < (model.MixesMessages ? world.ToA.Count : Math.Min(world.ToA.Count, 1)); at++)
        {
            var number = world.ToA[at];
            if (world.Primary is { } side)
            {
                yield return new ReplayStep(
                    $"a has b's acknowledgement of message {number}",
                    world with { ToA = world.ToA.RemoveAt(at), Primary = side.Acknowledge(number) });
            }
        }
    }

    private ReplayStep Receive(ReplayWorld world, ReplayBackup backup, LogMessage message)
    {
        var after = model.Receive(backup, message);
        var isTaken = after.Received != backup.Received;
        return new ReplayStep(
            isTaken ? $"b takes message {message.Number} and acknowledges it" : $"b does not take message {message.Number}",
            world with
            {
                Backup = after,
                Log = isTaken ? world.Log.Add(message) : world.Log,
                HeldOnB = world.HeldOnB.RemoveRange(0, backup.Held.Count - after.Held.Count),
                ToA = isTaken && !world.IsChannelBroken ? world.ToA.Add(after.Received) : world.ToA,
            });
    }

    private static IEnumerable<ReplayStep> OnB(ReplayWorld world)
    {
        if (world.Backup is { Ahead: [var next, ..] } side)
        {
            var after = side.Replay();
            var isHeld = after.Held is [.., var last] && last == (next as LogMessage.Output)?.Id;
            var behind = side.Held is [var dropped] && after.Held.IndexOf(dropped) < 0 ? $"; output {dropped} is behind it, and dropped" : "";
            yield return new ReplayStep(
                $"b replays message {next.Number}{(next is LogMessage.Output output ? Outcome(output.Id, world.StateOnB, isHeld) : "")}{behind}",
                world with
                {
                    Backup = after,
                    StateOnB = next is LogMessage.Events ? world.StateOnB + "a" : world.StateOnB,
                    HeldOnB = Kept(world, side, after, isHeld),
                });
        }
    }

    private static string Outcome(long id, string state, bool isHeld) =>
        $": the replica puts out {Name(id, state)}, which is {(isHeld ? "held" : "dropped")}";

    private static ImmutableList<string> Kept(
        ReplayWorld world, ReplayBackup before, ReplayBackup after, bool isHeld)
    {
        var kept = world.HeldOnB.RemoveRange(0, before.Held.Count - (after.Held.Count - (isHeld ? 1 : 0)));
        return isHeld ? kept.Add(world.StateOnB) : kept;
    }

    /// <summary>The log is drained; what the outside gets is written down.</summary>
    public IEnumerable<ReplayStep> Drained(ReplayWorld world, ReplayBackup side)
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
            yield return new ReplayStep(
                $"b performs {Name(id, world.HeldOnB[0])}", See(world, id, world.HeldOnB[0]) with { JustPerformedOnB = id });
        }
    }

    private IEnumerable<ReplayStep> Live(ReplayWorld world)
    {
        if (world.Live is not { } side)
        {
            yield break;
        }

        if (!world.StateOnB.Contains('b', StringComparison.Ordinal))
        {
            yield return new ReplayStep(
                "the VM on b is given an event", world with { Live = side.Record(out _), StateOnB = world.StateOnB + "b" });
        }

        if (!side.MustWait && side.LastPerformed + side.Held.Count < model.MaxOutputs)
        {
            var after = side.Hold(out _);
            yield return new ReplayStep(
                $"the VM on b puts out {Name(after.Held[^1].Id, world.StateOnB)}",
                world with { Live = after, HeldOnB = world.HeldOnB.Add(world.StateOnB) });
        }

        if (side.Next is { } id)
        {
            var after = side.Perform(id, out _);
            yield return new ReplayStep(
                $"b performs {Name(id, world.HeldOnB[0])}",
                See(world, id, world.HeldOnB[0]) with { Live = after, HeldOnB = world.HeldOnB.RemoveAt(0) });
        }
    }
}
