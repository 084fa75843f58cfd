namespace Kumoi.FaultTolerance.Modes;

/// <summary>
/// How a pair goes on until its next checkpoint, and why. Those with <see cref="IsChange"/> are the history of its modes.
/// </summary>
/// <param name="At">Since the controller began, by the lengths and costs that it was told.</param>
/// <param name="Mode">How the backup follows.</param>
/// <param name="Period">When the next checkpoint begins at the latest, counted from the commit of the last one.</param>
/// <param name="IsChange">It is another mode than before.</param>
/// <param name="Reason">In words for an admin.</param>
public sealed record ModeDecision(TimeSpan At, PairMode Mode, TimeSpan Period, bool IsChange, string Reason);
