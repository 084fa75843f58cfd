using Kumoi.FaultTolerance.Protocols.LogReplay;
using ReplayStep = Kumoi.Tests.FaultTolerance.Protocols.Step<Kumoi.Tests.FaultTolerance.Protocols.LogReplay.ReplayWorld>;

namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>All that can happen next: a step of the VM, of one of the sides, of the channel, of the controller, a fault.</summary>
internal sealed class ReplaySteps(ReplayModel model)
{
    private readonly ReplayStepsOnB _onB = new(model);
    private readonly ReplayController _controller = new(model);
    private readonly ReplayFaults _faults = new(model);

    public IEnumerable<ReplayStep> After(ReplayWorld world) =>
        [.. OnA(world), .. Channel(world), .. _onB.After(world), .. _controller.After(world), .. _faults.After(world)];

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
                $"the VM on a puts out {ReplayWorld.Name(after.Held[^1].Id, world.StateOnA)}, which is held{Number(message)}",
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
            var state = world.HeldOnA[0];
            yield return new ReplayStep(
                $"a performs {ReplayWorld.Name(id, state)}", model.See(world, id, state) with { JustPerformedOnA = id });
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

    private IEnumerable<ReplayStep> Channel(ReplayWorld world)
    {
        for (var at = 0; at < (model.MixesMessages ? world.ToB.Length : Math.Min(world.ToB.Length, 1)); at++)
        {
            var message = world.ToB[at];
            var rest = world with { ToB = world.ToB.RemoveAt(at) };
            if (world.Backup is { } backup)
            {
                yield return Receive(rest, backup, message);
                if (model.MixesMessages && world.Log.Length < 2 * model.MaxOutputs + model.MaxEvents) // where each is taken there is no end
                {
                    yield return Receive(world, backup, message);
                }
            }

            if (model.MixesMessages)
            {
                yield return new ReplayStep($"message {message.Number} is lost", rest);
            }
        }

        for (var at = 0; at < (model.MixesMessages ? world.ToA.Length : Math.Min(world.ToA.Length, 1)); at++)
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
}
