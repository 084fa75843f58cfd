namespace Kumoi.FaultTolerance.Pairs;

/// <summary>Why a pair could not keep its promise for a VM.</summary>
/// <param name="Message">A sentence for the admin, without secrets.</param>
/// <param name="RecommendedAction">What the admin can do about it.</param>
internal sealed record PairObstacle(string Message, string RecommendedAction);
