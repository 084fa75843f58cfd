using Kumoi.FaultTolerance.Engines;

namespace Kumoi.Tests.Lab;

/// <summary>Pairs whose checkpoints are what has changed of the VM's memory.</summary>
public sealed class PairDeltaTests(RealLab lab) : PairStandbyTest(lab)
{
    private protected override PairPlan Engine(PairPlan plan) => plan with { Engine = CheckpointEngine.SharedDelta };
}
