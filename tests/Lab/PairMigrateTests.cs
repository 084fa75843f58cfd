using Kumoi.FaultTolerance.Engines;

namespace Kumoi.Tests.Lab;

/// <summary>Pairs whose checkpoints are migrations into standbys.</summary>
public sealed class PairMigrateTests(RealLab lab) : PairStandbyTest(lab)
{
    private protected override PairPlan Engine(PairPlan plan) =>
        plan with { Engine = CheckpointEngine.Migrate, AllowUnencrypted = true };
}
