using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Engines.Colo;
using Kumoi.FaultTolerance.Engines.LogReplay;
using Kumoi.FaultTolerance.Gates;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>Makes the engine that a plan names.</summary>
internal static class CheckpointEngines
{
    public static ICheckpointEngine Create(PairPlan plan, ConsoleLog log, TimeProvider time) => plan.Engine switch
    {
        CheckpointEngine.LibvirtSnapshot => new SnapshotCheckpoints(plan, log, time),
        CheckpointEngine.Migrate => new MigrateCheckpoints(plan, log, time),
        CheckpointEngine.SharedDelta => new DeltaCheckpoints(plan, log, time),
        CheckpointEngine.Colo when plan.CheckpointsBy is { } other => new HybridCheckpoints(
            plan, new ColoCheckpoints(plan, log, time), new ColoFile(plan.Folder),
            () => Create(plan with { Engine = other, CheckpointsBy = null }, log, time), time),
        CheckpointEngine.Colo => new ColoCheckpoints(plan, log, time),
        CheckpointEngine.LogReplay when plan.IsSimulated => new SnapshotCheckpoints(plan, log, time), // what a replica would stand at
        CheckpointEngine.LogReplay => new LogReplayEngine(plan, log, time),
        var other => throw new HypervisorException(
            $"There is no engine {other} for checkpoints.", error: HypervisorError.NotSupported,
            recommendedAction: $"Take the engine {CheckpointEngine.LibvirtSnapshot}."),
    };
}
