namespace Kumoi.FaultTolerance.Engines.LogReplay;

/// <summary>An output of a recording: where a replica can be brought to.</summary>
/// <param name="At">By when the VM had put it out.</param>
/// <param name="Count">How many instructions the guest had carried out.</param>
/// <param name="From">How much the VM had put out before it, since the recording's beginning.</param>
/// <param name="To">And with it.</param>
/// <param name="Hash">Of what is between them.</param>
/// <param name="LogBytes">How long the log is that leads to it.</param>
internal sealed record ReplayMoment(DateTimeOffset At, long Count, long From, long To, string Hash, long LogBytes);
