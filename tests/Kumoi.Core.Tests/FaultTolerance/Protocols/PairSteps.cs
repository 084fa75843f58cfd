using System.Collections.Immutable;
using Kumoi.FaultTolerance.Protocols;
using static Kumoi.FaultTolerance.Protocols.PairAction;
using PairStep = Kumoi.Tests.FaultTolerance.Protocols.Step<Kumoi.Tests.FaultTolerance.Protocols.PairWorld>;

namespace Kumoi.Tests.FaultTolerance.Protocols;

/// <summary>All that can happen next: a step of the controller, an output of a guest, a fault.</summary>
internal sealed class PairSteps(PairModel model)
{
    private static readonly string[] Hosts = ["a", "b", "c"];

    public IEnumerable<PairStep> After(PairWorld world)
    {
        var controller = world.Step < 0 ? [] : Controller(world);
        return controller.Concat(Guests(world)).Concat(Faults(world));
    }

    private IEnumerable<PairStep> Guests(PairWorld world)
    {
        if (world.Outputs == model.MaxOutputs)
        {
            yield break;
        }

        foreach (var host in world.Copies.Keys.Where(world.Runs))
        {
            var isHeard = world.Step >= 0 && world.Answers(host) && host == world.Journal.Primary;
            var after = world with { Copies = world.Copies.SetItem(host, world.Copies[host] + world.Letter), Outputs = world.Outputs + 1 };
            after = world.IsGateOpen
                ? isHeard ? after with { Seen = after.Copies[host] } : after with { HasGap = true }
                : isHeard || !world.Answers(host) ? after : after with { IsGateWhole = false };
            yield return new PairStep($"{host} puts out", after);
        }
    }

    private IEnumerable<PairStep> Faults(PairWorld world)
    {
        if (world.Step < 0)
        {
            yield return new PairStep("a controller starts", Start(world));
        }

        foreach (var host in world.Cut)
        {
            yield return new PairStep($"{host} is reached again", world with { Cut = world.Cut.Remove(host) });
        }

        foreach (var host in world.Down)
        {
            yield return new PairStep($"{host} has its power again", world with { Down = world.Down.Remove(host) });
        }

        if (world.Faults == model.MaxFaults)
        {
            yield break;
        }

        var hurt = world with { Faults = world.Faults + 1 };
        if (world.Step >= 0)
        {
            yield return new PairStep("the controller dies", hurt with { Step = -1, IsGateWhole = false });
        }

        foreach (var host in Hosts)
        {
            if (!world.Down.Contains(host))
            {
                yield return new PairStep($"{host} loses its power", hurt with
                {
                    Down = world.Down.Add(host),
                    Copies = world.Without(host).Copies,
                    Paused = world.Without(host).Paused,
                    Keepers = world.Without(host).Keepers,
                });
            }

            if (!world.Cut.Contains(host))
            {
                yield return new PairStep($"{host} is cut off", hurt with { Cut = world.Cut.Add(host) });
            }
        }
    }

    /// <summary>What a new controller finds in the journal. The output since the last checkpoint was in the dead one's gate.</summary>
    private PairWorld Start(PairWorld world)
    {
        var record = !model.TrustsItsGate
            ? model.Apply(world.Journal, new PairEvent.OutputLost("the controller has died"))
            : world.Journal;
        return world with { Journal = record, Step = 0 };
    }

    private IEnumerable<PairStep> Controller(PairWorld world) => PairRules.Next(world.Journal) switch
    {
        MakeCheckpoint make => Make(world, make),
        Fence fence => FencePrimary(world, fence),
        TakeOver take when model.KeepsInMemory => TakeFromMemory(world, take),
        TakeOver take => Take(world, take),
        Resume resume => GoOn(world, resume.Host),
        Revoke revoke => RevokeBackup(world, revoke),
        ChooseBackup => Choose(world),
        RunAlone alone => Run(world, alone.Primary),
        _ => [],
    };

    private IEnumerable<PairStep> Make(PairWorld world, MakeCheckpoint make)
    {
        if (!world.Answers(make.Primary))
        {
            yield return Write(world, new PairEvent.PrimaryLost("silent"));
            yield break;
        }

        if (make.Backup is { } backup && !world.Answers(backup))
        {
            yield return Write(world, new PairEvent.BackupLost("silent"));
        }

        if (!world.Copies.TryGetValue(make.Primary, out var state))
        {
            yield return Write(world, new PairEvent.PrimaryDied("gone"));
            yield break;
        }

        if (model.KeepsInMemory && !(make.Backup is { } keeper && world.Answers(keeper)))
        {
            yield break;
        }

        switch (world.Step)
        {
            case 0:
                yield return new PairStep("lets out what is covered", model.Release(world) with { Step = 1, IsGateOpen = false });
                break;
            case 1 when !world.IsGateWhole && make.Committed is not null && !model.TrustsItsGate:
                yield return Write(world, new PairEvent.OutputLost("a gap"));
                break;
            case 1:
                yield return new PairStep($"makes checkpoint {make.Number}", model.Made(world with
                {
                    Checkpoints = world.Checkpoints.SetItem(make.Number, state),
                    Keepers = model.KeepsInMemory ? world.Keepers.SetItem(make.Number, make.Backup!) : world.Keepers,
                    Step = 2,
                    HasGap = world.HasGap || (!world.IsGateWhole && make.Committed is not null),
                    IsGateWhole = true, // the first one counts from here
                }));
                yield return Write(world, new PairEvent.CheckpointsFail("no room"));
                break;
            default:
                var written = world.Checkpoints[make.Number];
                yield return Write(world, new PairEvent.CheckpointMade(new CheckpointMark(make.Number, written.Length)
                {
                    Standby = model.KeepsInMemory ? make.Number % 2 : null,
                }));
                break;
        }
    }

    private IEnumerable<PairStep> FencePrimary(PairWorld world, Fence fence)
    {
        if (fence.Keeper is not { } keeper || model.FencesWithoutKeeper)
        {
            return FenceHost(world, fence.Host);
        }

        if (!world.Answers(keeper))
        {
            // Whoever runs is not ended for what nobody knows to be there.
            return world.Answers(fence.Host) && world.Runs(fence.Host) ? [Write(world, new PairEvent.BackupLost("silent"))] : [];
        }

        return HasCheckpoint(world, keeper, fence.Checkpoint!)
            ? FenceHost(world, fence.Host)
            : [Write(world, new PairEvent.CheckpointGone("gone"))];
    }

    private static bool HasCheckpoint(PairWorld world, string host, CheckpointMark checkpoint) =>
        world.Keepers.TryGetValue(checkpoint.Number, out var keeper) && keeper == host;

    private IEnumerable<PairStep> FenceHost(PairWorld world, string host)
    {
        var without = world.Without(host);
        without = without with
        {
            HasEndedTheLast = model.KeepsInMemory && world.Copies.Count > 0 && without.Copies.Count == 0
                && !without.Keepers.ContainsKey(world.Journal.LastNumber),
        };
        if (world.Answers(host))
        {
            yield return Write(without, new PairEvent.Fenced());
        }
        else
        {
            yield return Write(without with { Down = world.Down.Add(host) }, new PairEvent.Fenced()); // its power is switched off
            yield return Write(world, new PairEvent.NotFenced("no answer"));
            if (model.TakesSilenceForFenced)
            {
                yield return Write(world, new PairEvent.Fenced());
            }
        }
    }

    private IEnumerable<PairStep> RevokeBackup(PairWorld world, Revoke revoke)
    {
        if (model.OpensWhileRevoking && world.Copies.TryGetValue(revoke.Primary, out var all))
        {
            yield return new PairStep("lets out everything", world with { Seen = all });
        }

        if (!world.Answers(revoke.Primary))
        {
            yield return Write(world, new PairEvent.PrimaryLost("silent"));
        }
        else if (!world.Copies.ContainsKey(revoke.Primary))
        {
            yield return Write(world, Died);
            yield break;
        }

        foreach (var step in FenceHost(world, revoke.Host))
        {
            yield return step;
        }
    }

    /// <summary>The standby's host has it, or is known not to have it.</summary>
    private IEnumerable<PairStep> TakeFromMemory(PairWorld world, TakeOver take)
    {
        if (take.Host is not { } host)
        {
            return Hosts.Where(world.Answers).Select(free => Write(world, new PairEvent.BackupChosen(free)));
        }

        if (!world.Answers(host))
        {
            return [];
        }

        return !HasCheckpoint(world, host, take.Checkpoint) ? [Write(world, new PairEvent.CheckpointGone("gone"))]
            : world.Step == 0
                ? [new PairStep("lets out what is covered", model.Release(world) with { Step = 1, IsGateWhole = true })]
                : [Write(world, new PairEvent.Restored(host))];
    }

    private IEnumerable<PairStep> GoOn(PairWorld world, string host)
    {
        if (!world.Answers(host))
        {
            return [Write(world, new PairEvent.PrimaryLost("silent"))];
        }

        if (world.Runs(host))
        {
            return [Write(world, new PairEvent.TookOver(host))];
        }

        if (world.Keepers.TryGetValue(world.Journal.LastNumber, out var keeper) && keeper == host)
        {
            return [new PairStep($"resumes the standby on {host}", world with
            {
                Copies = world.Copies.SetItem(host, world.Checkpoints[world.Journal.LastNumber]),
                Keepers = world.Keepers.Remove(world.Journal.LastNumber),
                Letter = (char)(world.Letter + 1),
            })];
        }

        return world.Paused == host
            ? [new PairStep($"resumes on {host}", world with { Paused = null })]
            : [Write(world, Died)];
    }

    private IEnumerable<PairStep> Take(PairWorld world, TakeOver take)
    {
        if (take.Host is not { } host)
        {
            return Hosts.Where(world.Answers).Select(free => Write(world, new PairEvent.BackupChosen(free)));
        }

        if (!world.Answers(host))
        {
            // What it has is not known, unless it has no power: nobody else may try meanwhile.
            return world.Down.Contains(host) ? [Write(world, new PairEvent.CannotTakeOver(host, "no power"))] : [];
        }

        return world.Step switch
        {
            // What a dead controller has left there, running or not, has put out what nobody has.
            0 => [new PairStep($"restores on {host}", world with
            {
                Copies = world.Copies.SetItem(host, world.Checkpoints[take.Checkpoint.Number]), Paused = host, Step = 1,
                Letter = (char)(world.Letter + 1), IsGateWhole = true,
            })],
            1 => [new PairStep("lets out what is covered", model.Release(world) with { Step = 2 })],
            2 when world.Paused == host => [Write(world, new PairEvent.Restored(host))],
            _ => [Write(world, new PairEvent.CannotTakeOver(host, "gone"))],
        };
    }

    private IEnumerable<PairStep> Choose(PairWorld world)
    {
        var free = Hosts.Where(host => host != world.Journal.Primary && world.Answers(host)).ToList();
        return free.Count == 0
            ? [Write(world, new PairEvent.NoBackup("none"))]
            : free.Select(host => Write(world, new PairEvent.BackupChosen(host)));
    }

    private static readonly PairEvent Died = new PairEvent.PrimaryDied("gone");

    private IEnumerable<PairStep> Run(PairWorld world, string primary)
    {
        if (world.Step == 0)
        {
            var covered = world.Answers(primary) && world.Copies.TryGetValue(primary, out var state) ? state : world.Seen;
            yield return new PairStep("opens the gate", world with
            {
                Checkpoints = world.Checkpoints.Clear(),
                IsGateOpen = true,
                RanAlone = true,
                Seen = covered,
                HasGap = world.HasGap || !world.IsGateWhole,
                Step = 1,
            });
        }
        else if (world.Answers(primary) && !world.Copies.ContainsKey(primary))
        {
            yield return Write(world, Died);
        }
        else
        {
            foreach (var host in Hosts.Where(host => host != primary && world.Answers(host)))
            {
                yield return Write(world, new PairEvent.BackupChosen(host));
            }
        }
    }

    private PairStep Write(PairWorld world, PairEvent happened)
    {
        var record = model.Apply(world.Journal, happened);
        var isSame = record with { Reason = null } == world.Journal with { Reason = null };
        return new PairStep(happened.ToString(), world with { Journal = record, Step = isSame ? world.Step : 0 });
    }
}
