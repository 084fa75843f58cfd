namespace Kumoi.Hypervisors;

/// <summary>A guest's CPUs were stopped, or go on.</summary>
/// <param name="IsStopped">False: they go on.</param>
/// <param name="At">When, by the host's clock.</param>
public readonly record struct GuestStop(bool IsStopped, DateTimeOffset At);
