namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>How far a primary was at a moment.</summary>
/// <param name="Count">How many instructions it had carried out.</param>
/// <param name="Position">What it had put out by then, at least.</param>
/// <param name="Needed">The log has all that led to it when it is so long.</param>
/// <param name="At">When it was, at the earliest.</param>
/// <param name="Seen">By when it was so far.</param>
internal readonly record struct ReplayPoll(long Count, long Position, long Needed, long At, DateTimeOffset Seen);
