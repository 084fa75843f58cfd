namespace Kumoi.Hypervisors.Simulated.Hosts;

/// <summary>A volume that was made in a simulated storage pool.</summary>
internal sealed record SimulatedVolume(string Pool, string Name, string Format, long Bytes);
