using Kumoi.FaultTolerance.Protocols;
using Kumoi.FaultTolerance.Protocols.LogReplay;
using static Kumoi.FaultTolerance.Protocols.PairAction;
using ReplayStep = Kumoi.Tests.FaultTolerance.Protocols.Step<Kumoi.Tests.FaultTolerance.Protocols.LogReplay.ReplayWorld>;

namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>What the controller does next, by the rules of all pairs.</summary>
internal sealed class ReplayController(ReplayModel model)
{
    private readonly ReplayStepsOnB _onB = new(model);

    public IEnumerable<ReplayStep> After(ReplayWorld world) => PairRules.Next(world.Journal) switch
    {
        MakeCheckpoint => Watch(world),
        Fence => FencePrimary(world),
        TakeOver => Drain(world),
        Resume => GoLive(world),
        Revoke => RevokeBackup(world),
        RunAlone alone => Run(world, alone.Primary),
        _ => [],
    };

    private IEnumerable<ReplayStep> Watch(ReplayWorld world)
    {
        if (PrimaryFails(world) is { } step)
        {
            yield return step;
        }
        else if (!world.BAnswers || world.Backup is null)
        {
            yield return Write(world, "b does not answer, or has no replica", new PairEvent.BackupLost("silent"));
        }
        else if (world.IsChannelBroken)
        {
            yield return Write(world, "the channel is broken", new PairEvent.BackupLost("channel"));
        }
    }

    private ReplayStep? PrimaryFails(ReplayWorld world) =>
        !world.AAnswers ? Write(world, "a does not answer", new PairEvent.PrimaryLost("silent"))
        : !world.RunsOnA ? Write(world, "the VM is not on a", new PairEvent.PrimaryDied("gone"))
        : world.Primary is null ? Write(world, "output of a is lost", new PairEvent.OutputLost("gate"))
        : null;

    private IEnumerable<ReplayStep> FencePrimary(ReplayWorld world)
    {
        if (!world.BAnswers)
        {
            // Whoever runs is not ended for what nobody knows to be there; and what it has lost may be on b.
            if (world is { AAnswers: true, RunsOnA: true, Primary: not null })
            {
                yield return Write(world, "b does not answer", new PairEvent.BackupLost("silent"));
            }
        }
        else if (world.Backup is null)
        {
            yield return Write(world, "b has no replica", new PairEvent.CheckpointGone("gone"));
        }
        else
        {
            var fenced = world.WithoutA with { IsADown = world.IsADown || !world.AAnswers };
            yield return Write(fenced, "a is fenced", new PairEvent.Fenced());
            if (!world.AAnswers && model.TakesSilenceForFenced)
            {
                yield return Write(world, "a does not answer", new PairEvent.Fenced());
            }
        }
    }

    private IEnumerable<ReplayStep> Drain(ReplayWorld world)
    {
        if (world.Backup is { IsDraining: true, IsDrained: false } draining)
        {
            return _onB.Perform(world, draining); // which it does by itself
        }

        return !world.BAnswers ? []
            : world.Backup is not { } backup ? [Write(world, "b has no replica", new PairEvent.CheckpointGone("gone"))]
            : backup.IsDrained ? [Write(world, "the log is drained", new PairEvent.Restored("b"))]
            : [new ReplayStep($"b takes over: it takes nothing more from the channel{Flight(world)}", Begin(world, model.Drain(backup)))];
    }

    private static ReplayWorld Begin(ReplayWorld world, ReplayBackup backup) => world.WithoutChannel with
    {
        Backup = backup,
        HeldOnB = backup.Held.SequenceEqual(world.Backup!.Held) ? world.HeldOnB : [.. world.HeldOnB.Reverse()], // by a broken Drain
    };

    private static string Flight(ReplayWorld world) => world.ToB.IsEmpty ? "" : $" ({world.ToB.Length} lost)";

    private IEnumerable<ReplayStep> GoLive(ReplayWorld world)
    {
        if (!world.BAnswers)
        {
            yield break;
        }

        if (world.Backup is { IsDrained: true } backup)
        {
            yield return new ReplayStep(
                "the replica on b goes live", world with { Live = backup.GoLive(model.MaxHeld), Backup = null, HeldOnB = [] });
        }
        else if (world.Live is not null)
        {
            yield return Write(world, "the VM runs on b", new PairEvent.TookOver("b"));
        }
        else if (world.Backup is null)
        {
            yield return Write(world, "nothing is on b", new PairEvent.PrimaryDied("gone"));
        }
    }

    private IEnumerable<ReplayStep> RevokeBackup(ReplayWorld world)
    {
        if (model.GoesAloneWhileRevoking && world.Primary is { IsAlone: false } side)
        {
            yield return new ReplayStep("a goes on alone", world with { Primary = side.GoAlone() });
        }

        if (PrimaryFails(world) is { } step)
        {
            yield return step;
        }

        // A primary that does not answer may run: that is not known while its silence is short.
        if (!world.AAnswers || world is { RunsOnA: true, Primary: not null })
        {
            var fenced = world.WithoutB with { IsBDown = world.IsBDown || !world.BAnswers };
            yield return Write(fenced, "b is fenced", new PairEvent.Fenced());
        }
    }

    private IEnumerable<ReplayStep> Run(ReplayWorld world, string primary)
    {
        if (primary == "a" && world is { AAnswers: true, Primary.IsAlone: false })
        {
            yield return new ReplayStep(
                "a goes on alone", world.WithoutChannel with { Primary = world.Primary!.GoAlone() });
        }
        else if (primary == "a" ? world is { AAnswers: true, RunsOnA: false } : world is { BAnswers: true, Live: null })
        {
            yield return Write(world, $"the VM is not on {primary}", new PairEvent.PrimaryDied("gone"));
        }
    }

    private ReplayStep Write(ReplayWorld world, string what, PairEvent happened)
    {
        var record = model.Apply(world.Journal, happened);
        return new ReplayStep($"the controller: {what} → {record.Phase}", world with { Journal = record });
    }
}
