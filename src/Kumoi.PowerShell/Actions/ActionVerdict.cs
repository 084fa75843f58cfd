namespace Kumoi.PowerShell.Actions;

/// <summary>What is written of a failed element that nothing takes the place of.</summary>
/// <param name="Message">The first cause, and what else was tried.</param>
/// <param name="IsExhausted">Nothing was left to take the place.</param>
/// <param name="Advice">What to do; null: what the first cause advises.</param>
/// <param name="AdviceOf">Another failure, whose advice matters more.</param>
internal sealed record ActionVerdict(string Message, bool IsExhausted = false, string? Advice = null, Exception? AdviceOf = null);
