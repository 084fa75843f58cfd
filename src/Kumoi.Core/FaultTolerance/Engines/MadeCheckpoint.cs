using Kumoi.FaultTolerance.Protocols;

namespace Kumoi.FaultTolerance.Engines;

/// <summary>A checkpoint that is whole, and what it has cost.</summary>
/// <param name="Mark">Says what it is.</param>
/// <param name="Pause">How long the guest stood still, by its QEMU's stamps.</param>
/// <param name="Bytes">How much was written or sent; 0: not known.</param>
internal sealed record MadeCheckpoint(CheckpointMark Mark, TimeSpan Pause, long Bytes);
