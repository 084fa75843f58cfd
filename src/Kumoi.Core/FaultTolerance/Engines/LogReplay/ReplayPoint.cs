namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>An output, and the instruction by which the guest had put it out.</summary>
/// <param name="Id">Of the output, as the protocol has it: the number of the checkpoint that covers it.</param>
/// <param name="Count">How many instructions the guest had carried out.</param>
/// <param name="Position">The position at the console after it.</param>
/// <param name="Hash">Of the bytes from the output before to this one.</param>
internal sealed record ReplayPoint(long Id, long Count, long Position, string Hash);
