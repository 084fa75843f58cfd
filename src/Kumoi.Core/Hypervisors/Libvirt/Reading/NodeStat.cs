namespace Kumoi.Hypervisors.Libvirt.Reading;

/// <summary>A counter of a node, by libvirt's name for it.</summary>
internal sealed record NodeStat(string Name, ulong Value);
