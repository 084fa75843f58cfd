namespace Kumoi.FaultTolerance.Modes;

/// <summary>What an admin asks of a pair. Without a fixed period, it is chosen after each checkpoint so that the limits hold.</summary>
/// <param name="PeriodMs">From one checkpoint to the next; null: it is chosen.</param>
/// <param name="MaxDowntimeRatio">The share of time in which the guest stands still for checkpoints, 0 to 1; null: not limited.</param>
/// <param name="MaxOutputLatencyMs">How long output is held at most; null: not limited.</param>
public sealed record PairGoals(int? PeriodMs = null, double? MaxDowntimeRatio = null, int? MaxOutputLatencyMs = null);
