namespace Kumoi.Hypervisors;

/// <summary>A snapshot of a VM: a name alone may be another snapshot's by the time of the next call.</summary>
/// <param name="Name">Its name.</param>
/// <param name="CreatedAt">When it was made, to the second.</param>
public sealed record SnapshotKey(string Name, DateTimeOffset CreatedAt);
