using Kumoi.PowerShell.Actions;

namespace Kumoi.PowerShell.Substitution;

/// <summary>What came of taking a candidate through the steps to the terminal.</summary>
/// <param name="Index">The candidate.</param>
/// <param name="Request">What the terminal is to do with it; null: it is turned down.</param>
/// <param name="Reason">Why it is turned down.</param>
/// <param name="Settles">What happened on the way is more than the candidate's own failure: no other may be tried.</param>
internal sealed record BoundCandidate(int Index, ActionRequest? Request, string? Reason, Exception? Settles = null);
