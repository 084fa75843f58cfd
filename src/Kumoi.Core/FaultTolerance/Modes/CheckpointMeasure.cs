namespace Kumoi.FaultTolerance.Modes;

/// <summary>What one checkpoint has cost.</summary>
/// <param name="Pause">How long the guest stood still.</param>
/// <param name="Duration">From its beginning to its commit: output waits for that too.</param>
/// <param name="Bytes">How much went to the backup.</param>
public readonly record struct CheckpointMeasure(TimeSpan Pause, TimeSpan Duration, long Bytes);
