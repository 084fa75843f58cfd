using Kumoi.FaultTolerance.Engines;

namespace Kumoi.Tests.Lab;

/// <summary>Pairs whose checkpoints are migrations into standbys.</summary>
public sealed class PairMigrateTests(RealLab lab) : PairStandbyTest(lab)
{
    /// <summary>
    /// QEMU 7.2 that emulates the processor misses pages that a Linux guest changes while it is migrated (mended in QEMU 9.0): one failover
    /// in ten went on with a memory that was not the guest's, and its kernel found that. See docs/decisions.md.
    /// </summary>
    private protected override string LinuxGeneration => "newer";

    private protected override PairPlan Engine(PairPlan plan) =>
        plan with { Engine = CheckpointEngine.Migrate, AllowUnencrypted = true };
}
