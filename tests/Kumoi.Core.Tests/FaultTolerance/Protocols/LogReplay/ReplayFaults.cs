using Kumoi.FaultTolerance.Protocols.LogReplay;
using ReplayStep = Kumoi.Tests.FaultTolerance.Protocols.Step<Kumoi.Tests.FaultTolerance.Protocols.LogReplay.ReplayWorld>;

namespace Kumoi.Tests.FaultTolerance.Protocols.LogReplay;

/// <summary>All that can fail at a moment, and be well again.</summary>
internal sealed class ReplayFaults(ReplayModel model)
{
    public IEnumerable<ReplayStep> After(ReplayWorld world)
    {
        if (world.IsACut)
        {
            yield return new ReplayStep("a is reached again", world with { IsACut = false });
        }

        if (world.IsBCut)
        {
            yield return new ReplayStep("b is reached again", world with { IsBCut = false });
        }

        if (world.IsADown)
        {
            yield return new ReplayStep("a has its power again", world with { IsADown = false });
        }

        if (world.IsBDown)
        {
            yield return new ReplayStep("b has its power again", world with { IsBDown = false });
        }

        if (world.Faults == model.MaxFaults)
        {
            yield break;
        }

        foreach (var fault in Enum.GetValues<ReplayFault>())
        {
            if (model.CrashPoint is { } point && !point.Is(world, fault) || Fail(world, fault) is not { } failed)
            {
                continue;
            }

            var after = failed.World with { Faults = world.Faults + 1 };
            yield return failed with
            {
                World = model.CrashPoint is null
                    ? after
                    : after.WithoutChannel with { Watched = world.Faults == 0 ? CrashPoint.LastOutput(world) : world.Watched },
            };
        }
    }

    private ReplayStep? Fail(ReplayWorld world, ReplayFault fault) => fault switch
    {
        ReplayFault.PrimaryPower when !world.IsADown => new ReplayStep("a loses its power", world.WithoutA with { IsADown = true }),
        ReplayFault.BackupPower when !world.IsBDown => new ReplayStep("b loses its power", world.WithoutB with { IsBDown = true }),
        ReplayFault.Channel when !world.IsChannelBroken => new ReplayStep("the channel breaks", world with { IsChannelBroken = true }),
        ReplayFault.PrimaryCut when !world.IsACut => new ReplayStep("a is cut off from the controller", world with { IsACut = true }),
        ReplayFault.BackupCut when !world.IsBCut => new ReplayStep("b is cut off from the controller", world with { IsBCut = true }),
        ReplayFault.PrimaryGate when world is { RunsOnA: true, Primary: not null } =>
            new ReplayStep("the process of a's side dies, and what it held is lost", world.WithoutGate),
        ReplayFault.BackupGate when world.Backup is { } backup =>
            new ReplayStep("the process of b's side dies, and another one goes on with the log", Recover(world, backup)),
        _ => null,
    };

    private ReplayWorld Recover(ReplayWorld world, ReplayBackup backup)
    {
        var isUnwritten = model.AcknowledgesUnwritten && !world.Log.IsEmpty && !backup.IsDraining;
        var log = isUnwritten ? world.Log.RemoveAt(world.Log.Length - 1) : world.Log;
        var recovered = ReplayBackup.Recover(model.Rule, 0, log, world.WrittenOnB);
        return world with
        {
            Backup = backup.IsDraining ? model.Drain(recovered) : recovered,
            Log = log,
            StateOnB = "",
            HeldOnB = [],
            JustPerformedOnB = 0,
            AllowedRepeats = world.AllowedRepeats + (world.JustPerformedOnB != 0 ? 1 : 0),
            IsChannelBroken = true,
            ToB = [],
        };
    }
}
