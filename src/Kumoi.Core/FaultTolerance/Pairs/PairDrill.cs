using Kumoi.FaultTolerance.Engines;
using Kumoi.FaultTolerance.Protocols;
using Kumoi.Hypervisors;

namespace Kumoi.FaultTolerance.Pairs;

/// <summary>Tries out what a backup would do.</summary>
internal static class PairDrill
{
    /// <summary>How long the backup needs to have the VM ready.</summary>
    /// <exception cref="HypervisorException">It cannot, or there is none now.</exception>
    public static Task<TimeSpan> RunAsync(
        ICheckpointEngine engine, CheckpointMark committed, IHypervisorLink? backup, CancellationToken cancellationToken) =>
        engine.DrillAsync(
            backup ?? throw new HypervisorException(
                "The pair has no backup host now.", error: HypervisorError.InvalidState,
                recommendedAction: "Try it again when Get-KumoiFtPair shows one."),
            committed, cancellationToken);
}
