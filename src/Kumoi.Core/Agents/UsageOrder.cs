namespace Kumoi.Agents;

/// <summary>What the agent is to account: all VMs of these hosts, in intervals of this length.</summary>
/// <param name="Interval">The length of an interval.</param>
/// <param name="Path">A file that what VMs used is appended to as well; null: the journal only.</param>
/// <param name="Hosts">The hosts.</param>
public sealed record UsageOrder(TimeSpan Interval, string? Path, IReadOnlyList<HostOrder> Hosts);
